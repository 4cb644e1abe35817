// Command pulumi-resource-kubernetes serves the Kubernetes provider's own module.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var mapping []byte

var version string // set by the linker

func main() { provider.Serve("kubernetes", version, schema, mapping) }
