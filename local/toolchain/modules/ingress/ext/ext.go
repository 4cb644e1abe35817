// Package ext has what Traefik's commercial sibling adds to routers: nothing. Traefik keeps it in a module of its
// own inside its repository, which is published nowhere.
package ext

// HTTP is added to the configuration of HTTP.
type HTTP struct{}

// Router is added to the configuration of a router.
type Router struct{}
