"""`python -m cli`: the `storefleet` command of the checkout that one stands in."""

from cli.main import main

main()
