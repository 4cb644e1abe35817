// Command miniredis serves the cache of the embedded delivery: in memory, on one address, with a password.
package main

import (
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	address := flag.String("address", "127.0.0.1:6379", "where to listen")
	flag.Parse()
	server := miniredis.NewMiniRedis()
	server.RequireAuth(os.Getenv("REDIS_PASSWORD"))
	if err := server.StartAddr(*address); err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on %s", server.Addr())
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	// The library's clock stands still unless somebody moves it: without this nothing would ever expire.
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-tick.C:
			server.FastForward(time.Second)
		case <-end:
			server.Close()
			return
		}
	}
}
