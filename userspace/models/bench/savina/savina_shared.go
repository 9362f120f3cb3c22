// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
//
// Those of savina.go that are about what is shared: forks, chairs, ingredients, room.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

type fork struct {
	token chan bool
	inUse int32
}

type philosopher struct {
	meals, clashes int32
}

func (p *philosopher) eat(low, high *fork, stay func() bool) {
	p.clashes += atomic.SwapInt32(&low.inUse, 1) + atomic.SwapInt32(&high.inUse, 1)
	runtime.Gosched()
	for stay() {
		runtime.Gosched()
	}
	atomic.StoreInt32(&low.inUse, 0)
	atomic.StoreInt32(&high.inUse, 0)
	atomic.AddInt32(&p.meals, 1)
}

func philosophers(size []int) error {
	n, meals := size[0], int32(size[1])
	forks, all := make([]fork, n), make([]philosopher, n)
	var wg sync.WaitGroup
	wg.Add(n)
	for i := range forks {
		forks[i].token = make(chan bool, 2)
		forks[i].token <- true
	}
	if fault {
		forks[0].token <- true
	}
	for i := range all {
		low, high := i, i+1
		if i == n-1 {
			low, high = 0, i
		}
		go func(p *philosopher, low, high *fork, id int) {
			stay := func() bool {
				return fault && id == 0 && atomic.LoadInt32(&all[n-1].meals) < meals
			}
			for fault && id == n-1 && atomic.LoadInt32(&forks[0].inUse) == 0 {
				runtime.Gosched()
			}
			for p.meals < meals {
				<-low.token
				<-high.token
				p.eat(low, high, stay)
				high.token <- true
				low.token <- true
			}
			wg.Done()
		}(&all[i], &forks[low], &forks[high], i)
	}
	wg.Wait()
	for i := range all {
		if all[i].clashes != 0 || all[i].meals != meals {
			return fmt.Errorf("philosopher %d had %d of %d meals, and took forks in use %d times",
				i, all[i].meals, meals, all[i].clashes)
		}
	}
	return nil
}

type customer struct {
	done chan bool
	cuts int
}

func (c *customer) visit(room chan *customer) {
	c.done = make(chan bool, 1)
	for {
		select {
		case room <- c:
			<-c.done
			return
		default:
			runtime.Gosched()
		}
	}
}

func barber(size []int) error {
	forget, customers := at(size[0]), make([]customer, size[0])
	room, about := make(chan *customer, size[1]), make(chan bool, 2*size[1])
	var wg sync.WaitGroup
	wg.Add(size[0] + 1)
	go func() {
		for i := 0; i < size[0]; i++ {
			c := <-room
			if i != forget {
				c.cuts++
			}
			c.done <- true
		}
		wg.Done()
	}()
	for i := range customers {
		about <- true
		go func(c *customer) { c.visit(room); <-about; wg.Done() }(&customers[i])
	}
	wg.Wait()
	for i := range customers {
		if customers[i].cuts != 1 {
			return fmt.Errorf("customer %d was cut %d times", i, customers[i].cuts)
		}
	}
	return nil
}

func smokers(size []int) error {
	n, faultAt := size[0], at(size[1])
	start, taken := make([]chan bool, n), make(chan bool)
	smoked := make([]int, n)
	var wg sync.WaitGroup
	wg.Add(n)
	for i := range start {
		start[i] = make(chan bool, 1)
		go func(i int) {
			for range start[i] {
				taken <- true
				smoked[i]++
			}
			wg.Done()
		}(i)
	}
	state := uint32(1)
	for round := 0; round < size[1]; round++ {
		drawn := random(&state) % n
		if round == faultAt {
			drawn = (drawn + 1) % n
		}
		start[drawn] <- true
		<-taken
	}
	for i := range start {
		close(start[i])
	}
	wg.Wait()
	state = 1
	for round := 0; round < size[1]; round++ {
		smoked[random(&state)%n]--
	}
	for i := range smoked {
		if smoked[i] != 0 {
			return fmt.Errorf("smoker %d has smoked %+d times too often", i, smoked[i])
		}
	}
	return nil
}

type item struct {
	producer, number int
}

type consumer struct {
	last              []int
	n, sum, unordered int
}

func (c *consumer) consume(buffer chan item) {
	for i := range buffer {
		if i.number <= c.last[i.producer] {
			c.unordered++
		}
		c.last[i.producer] = i.number
		c.n++
		c.sum += i.number
	}
}

func produce(buffer chan item, id, items int) {
	for made := 1; made <= items; made++ {
		if fault && id == 1 && made == items/2+1 {
			buffer <- item{id, made - 1}
		} else {
			buffer <- item{id, made}
		}
	}
}

func bndbuffer(size []int) error {
	producers, items := size[0], size[2]
	buffer, consumers := make(chan item, size[3]), make([]consumer, size[1])
	var made, used sync.WaitGroup
	made.Add(producers)
	used.Add(len(consumers))
	for i := range consumers {
		consumers[i].last = make([]int, producers)
		go func(c *consumer) { c.consume(buffer); used.Done() }(&consumers[i])
	}
	for i := 0; i < producers; i++ {
		go func(i int) { produce(buffer, i, items); made.Done() }(i)
	}
	made.Wait()
	close(buffer)
	used.Wait()
	n, sum, unordered := 0, 0, 0
	for i := range consumers {
		n += consumers[i].n
		sum += consumers[i].sum
		unordered += consumers[i].unordered
	}
	if n != items*producers || sum != items*(items+1)/2*producers || unordered != 0 {
		return fmt.Errorf("%d of %d items were consumed, sum %d, %d out of order", n,
			items*producers, sum, unordered)
	}
	return nil
}
