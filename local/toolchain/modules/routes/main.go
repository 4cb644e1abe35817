// Command traefik-routes answers which of some routes Traefik's own router takes for each request.
//
// It reads {"routes": [{"name", "match", "priority"}], "requests": [{"method", "host", "path"}]} from its input and
// writes a list of names, "" where no route matches and "400" where the router refuses the path. It is the router and
// nothing else of Traefik: no entry point, no middleware, no TLS.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/traefik/traefik/v3/pkg/middlewares/requestdecorator"
	muxer "github.com/traefik/traefik/v3/pkg/muxer/http"
)

type question struct {
	Routes []struct {
		Name     string
		Match    string
		Priority int
	}
	Requests []struct {
		Method string
		Host   string
		Path   string
	}
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		log.Fatal(err)
	}
	parser, err := muxer.NewSyntaxParser()
	if err != nil {
		log.Fatal(err)
	}
	router := muxer.NewMuxer(parser, nil)
	for _, route := range asked.Routes {
		name := route.Name
		answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Taken-By", name) })
		if err := router.AddRoute(route.Match, "", route.Priority, "kubernetescrd", answer); err != nil {
			log.Fatal(err)
		}
	}
	decorator := requestdecorator.New(nil)
	taken := []string{}
	for _, one := range asked.Requests {
		request := httptest.NewRequest(one.Method, one.Path, nil)
		request.Host = one.Host
		written := httptest.NewRecorder()
		decorator.ServeHTTP(written, request, router.ServeHTTP)
		name := written.Header().Get("Taken-By")
		if written.Code == http.StatusBadRequest {
			name = "400"
		}
		taken = append(taken, name)
	}
	if err := json.NewEncoder(os.Stdout).Encode(taken); err != nil {
		log.Fatal(err)
	}
}
