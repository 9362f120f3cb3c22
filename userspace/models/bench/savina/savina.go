// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
//
// The same benchmarks in Go, by goroutines and channels: each does what the variant
// "channels" of the C file of its name does, verifies the same, and has the same fault.
//
//	savina [--fault] NAME SIZE...
//
// prints milliseconds.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

var fault bool

// at is n / 2 if the fault is to be there, and never otherwise.
func at(n int) int {
	if fault {
		return n / 2
	}
	return -1
}

// Park and Miller's, as savina_random().
func random(state *uint32) int {
	*state = uint32(uint64(*state) * 48271 % 0x7fffffff)
	return int(*state)
}

func pingpong(size []int) error {
	n, faultAt, seen, value := size[0], at(size[0]), 0, 0
	ping, pong, done := make(chan int), make(chan int), make(chan bool)
	go func() {
		for v := range ping {
			if seen != faultAt {
				v++
			}
			seen++
			pong <- v
		}
		close(done)
	}()
	for i := 0; i < n; i++ {
		ping <- value
		value = <-pong
	}
	close(ping)
	<-done
	if seen != n || value != n {
		return fmt.Errorf("pong has seen %d, the last answer is %d, and not %d", seen, value, n)
	}
	return nil
}

func ringNode(in, out, done chan int, fault bool, seen *int, wg *sync.WaitGroup) {
	for left := range in {
		*seen++
		if left == 0 {
			done <- left
			continue
		}
		if fault && *seen == 1 && left > 1 {
			left--
		}
		out <- left - 1
	}
	wg.Done()
}

func threadring(size []int) error {
	n, hops := size[0], size[1]
	in, seen, done := make([]chan int, n), make([]int, n), make(chan int)
	var wg sync.WaitGroup
	for i := range in {
		in[i] = make(chan int)
	}
	wg.Add(n)
	for i := range in {
		go ringNode(in[i], in[(i+1)%n], done, fault && i == 1, &seen[i], &wg)
	}
	in[0] <- hops
	<-done
	for i := range in {
		close(in[i])
	}
	wg.Wait()
	for i := range seen {
		should := 0
		if i <= hops {
			should = (hops-i)/n + 1
		}
		if seen[i] != should {
			return fmt.Errorf("node %d had the token %d times, and not %d", i, seen[i], should)
		}
	}
	return nil
}

func forkjoin(size []int) error {
	type worker struct {
		in        chan int
		lose      int
		seen, sum int
		unordered bool
	}
	n := size[1]
	workers := make([]worker, size[0])
	var wg sync.WaitGroup
	wg.Add(size[0])
	for i := range workers {
		w := &workers[i]
		w.in, w.lose = make(chan int, 100), -1
		if i == 1 {
			w.lose = at(n)
		}
		go func() {
			for value := range w.in {
				if value == w.lose {
					continue
				}
				if value < w.seen {
					w.unordered = true
				}
				w.seen++
				w.sum += value
			}
			wg.Done()
		}()
	}
	for value := 0; value < n; value++ {
		for i := range workers {
			workers[i].in <- value
		}
	}
	for i := range workers {
		close(workers[i].in)
	}
	wg.Wait()
	for i := range workers {
		w := &workers[i]
		if w.seen != n || w.sum != n*(n-1)/2 || w.unordered {
			return fmt.Errorf("worker %d had %d of %d numbers, or in disorder; sum %d", i,
				w.seen, n, w.sum)
		}
	}
	return nil
}

type visit struct {
	back       chan meeting
	id, colour int
}

type meeting struct {
	number, id, colour int
}

type chameneo struct {
	meetings, numbers int
	alone             bool
}

func (c *chameneo) live(id int, mall chan visit) {
	colour, back := id%3, make(chan meeting, 1)
	for {
		mall <- visit{back, id, colour}
		m := <-back
		if m.number == 0 {
			return
		}
		if m.id == id {
			c.alone = true
		}
		if m.colour != colour {
			colour = 3 - colour - m.colour
		}
		c.meetings++
		c.numbers += m.number
	}
}

func chameneos(size []int) error {
	n, alone := size[1], at(size[1])
	mall, creatures := make(chan visit, size[0]), make([]chameneo, size[0])
	var wg sync.WaitGroup
	wg.Add(size[0])
	for i := range creatures {
		go func(i int) { creatures[i].live(i, mall); wg.Done() }(i)
	}
	for number := 1; number <= n; number++ {
		a := <-mall
		if number == alone {
			a.back <- meeting{number, a.id, a.colour}
			continue
		}
		b := <-mall
		a.back <- meeting{number, b.id, b.colour}
		b.back <- meeting{number, a.id, a.colour}
	}
	for range creatures {
		a := <-mall
		a.back <- meeting{}
	}
	wg.Wait()
	meetings, numbers := 0, 0
	for i := range creatures {
		if creatures[i].alone {
			return fmt.Errorf("creature %d met itself", i)
		}
		meetings += creatures[i].meetings
		numbers += creatures[i].numbers
	}
	if meetings != 2*n || numbers != n*(n+1) {
		return fmt.Errorf("%d were at %d meetings, or some were not of two", meetings, n)
	}
	return nil
}

type bigMessage struct {
	kind, from, value int
}

const (
	bigPing = iota
	bigPong
	bigExit
)

type bigWorker struct {
	in                         chan bigMessage
	random                     uint32
	asked, sent, pings, wrongs int
}

func (w *bigWorker) ask(all []bigWorker, id int) {
	w.asked = random(&w.random) % (len(all) - 1)
	if w.asked >= id {
		w.asked++
	}
	w.sent++
	all[w.asked].in <- bigMessage{bigPing, id, w.sent - 1}
}

func (w *bigWorker) work(all []bigWorker, id, n int, sink chan bool) {
	faultAt := at(n)
	w.ask(all, id)
	for {
		m := <-w.in
		switch {
		case m.kind == bigExit:
			return
		case m.kind == bigPing:
			w.pings++
			if m.from == 1 && m.value == faultAt {
				m.value++
			}
			all[m.from].in <- bigMessage{bigPong, id, m.value}
		default:
			if m.from != w.asked || m.value != w.sent-1 {
				w.wrongs++
			}
			if w.sent < n {
				w.ask(all, id)
			} else {
				sink <- true
			}
		}
	}
}

func big(size []int) error {
	workers, sink := make([]bigWorker, size[0]), make(chan bool, size[0])
	var wg sync.WaitGroup
	wg.Add(size[0])
	for i := range workers {
		workers[i].in = make(chan bigMessage, size[0]+1)
		workers[i].random = uint32(i + 1)
	}
	for i := range workers {
		go func(i int) { workers[i].work(workers, i, size[1], sink); wg.Done() }(i)
	}
	for range workers {
		<-sink
	}
	for i := range workers {
		workers[i].in <- bigMessage{kind: bigExit}
	}
	wg.Wait()
	pings := 0
	for i := range workers {
		w := &workers[i]
		if w.wrongs != 0 || w.sent != size[1] {
			return fmt.Errorf("worker %d sent %d of %d pings, and had %d wrong answers", i,
				w.sent, size[1], w.wrongs)
		}
		pings += w.pings
	}
	if pings != size[0]*size[1] {
		return fmt.Errorf("%d of %d pings came", pings, size[0]*size[1])
	}
	return nil
}

var benches = map[string]struct {
	sizes int
	fn    func(size []int) error
}{
	"pingpong":     {1, pingpong},
	"threadring":   {2, threadring},
	"forkjoin":     {2, forkjoin},
	"chameneos":    {2, chameneos},
	"big":          {2, big},
	"philosophers": {2, philosophers},
	"barber":       {2, barber},
	"smokers":      {2, smokers},
	"bndbuffer":    {4, bndbuffer},
}

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--fault" {
		fault, args = true, args[1:]
	}
	if len(args) < 2 || benches[args[0]].sizes != len(args)-1 {
		fmt.Fprintln(os.Stderr, "usage: savina [--fault] NAME SIZE...; see the head of savina.go")
		os.Exit(2)
	}
	size := []int{}
	for _, arg := range args[1:] {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 2 {
			fmt.Fprintf(os.Stderr, "savina: '%s': a size is a number from 2\n", arg)
			os.Exit(2)
		}
		size = append(size, n)
	}
	start := time.Now()
	if err := benches[args[0]].fn(size); err != nil {
		fmt.Fprintln(os.Stderr, "savina:", err)
		os.Exit(1)
	}
	fmt.Printf("%.3f\n", float64(time.Since(start).Nanoseconds())/1e6)
}
