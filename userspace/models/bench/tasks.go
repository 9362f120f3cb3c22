// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
//
// The counterpart of tasks.c in Go: the same operations, the same output.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

const (
	yields = 10000000
	spawns = 3000000
	leaves = 1000000
	trips  = 2000000
	values = 10000000
	buffer = 100
)

func yield(n int) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
}

func benchYield() float64 {
	var wg sync.WaitGroup
	t := time.Now()
	wg.Add(1)
	go func() { yield(yields / 2); wg.Done() }()
	yield(yields / 2)
	wg.Wait()
	return float64(time.Since(t).Nanoseconds()) / yields
}

func benchYieldSelf() float64 {
	t := time.Now()
	yield(yields)
	return float64(time.Since(t).Nanoseconds()) / yields
}

func benchSpawn() float64 {
	t := time.Now()
	for i := 0; i < spawns; i++ {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() { wg.Done() }()
		wg.Wait()
	}
	return float64(time.Since(t).Nanoseconds()) / spawns
}

// As the skynet benchmark (A. Temerev) has it: results come by a channel.
func skynet(c chan int, number, size int) {
	if size == 1 {
		c <- number
		return
	}
	rc := make(chan int)
	sum := 0
	for i := 0; i < 10; i++ {
		go skynet(rc, number+i*(size/10), size/10)
	}
	for i := 0; i < 10; i++ {
		sum += <-rc
	}
	c <- sum
}

func benchSkynet() float64 {
	t := time.Now()
	c := make(chan int)
	go skynet(c, 0, leaves)
	if <-c != leaves*(leaves-1)/2 {
		panic("skynet: a wrong sum")
	}
	return float64(time.Since(t).Nanoseconds()) / 1e6
}

func benchTrip() float64 {
	a, b := make(chan int), make(chan int)
	go func() {
		for value := range a {
			b <- value
		}
	}()
	t := time.Now()
	for i := 0; i < trips; i++ {
		a <- i
		i = <-b
	}
	ns := time.Since(t).Nanoseconds()
	close(a)
	return float64(ns) / trips
}

func benchBuffered() float64 {
	t := time.Now()
	c := make(chan int, buffer)
	go func() {
		for i := 0; i < values; i++ {
			c <- i
		}
		close(c)
	}()
	n := 0
	for value := range c {
		if value != n {
			panic("buffered: not in order")
		}
		n++
	}
	return float64(time.Since(t).Nanoseconds()) / values
}

func benchSelect() float64 {
	a, b := make(chan int, 1), make(chan int, 1)
	a <- 0
	t := time.Now()
	for i := 0; i < values; i++ {
		select {
		case value := <-a:
			b <- value
		case value := <-b:
			a <- value
		}
	}
	return float64(time.Since(t).Nanoseconds()) / values
}

func main() {
	benches := map[string]func() float64{
		"yield": benchYield, "yield-self": benchYieldSelf,
		"spawn": benchSpawn, "skynet": benchSkynet,
		"skynet-chan": benchSkynet, "round-trip": benchTrip,
		"buffered": benchBuffered, "select": benchSelect,
	}
	if len(os.Args) > 2 {
		n, _ := strconv.Atoi(os.Args[2])
		runtime.GOMAXPROCS(n)
	}
	fmt.Printf("%.1f\n", benches[os.Args[1]]())
}
