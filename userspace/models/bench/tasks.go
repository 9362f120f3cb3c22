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

func main() {
	benches := map[string]func() float64{
		"yield": benchYield, "yield-self": benchYieldSelf,
		"spawn": benchSpawn, "skynet": benchSkynet,
	}
	if len(os.Args) > 2 {
		n, _ := strconv.Atoi(os.Args[2])
		runtime.GOMAXPROCS(n)
	}
	fmt.Printf("%.1f\n", benches[os.Args[1]]())
}
