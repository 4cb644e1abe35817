package main

import (
	"context"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	"github.com/terraform-providers/terraform-provider-random/internal/provider"
)

var version string

func main() {
	info := tfbridge.ProviderInfo{
		P:              pf.ShimProvider(provider.New()),
		Name:           "random",
		Version:        version,
		ResourcePrefix: "random",
		MetadataInfo:   tfbridge.NewProviderMetadata([]byte("{}")),
	}
	info.MustComputeTokens(tokens.SingleModule("random_", "index", func(mod, name string) (string, error) {
		return tokens.MakeStandard("random")("index", "Random"+name)
	}))
	info.MustApplyAutoAliases()
	pf.Main(context.Background(), "random", info, pf.ProviderMetadata{
		PackageSchema: []byte(`{"name":"random","version":"` + version + `"}`), BridgeMetadata: []byte("{}"),
	})
}
