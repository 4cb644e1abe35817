"""Storefleet's policy pack: rules as pure functions, and what hands them to the engine.

`frame` holds the types, `rules` one module a rule, `adapter` turns rules into the SDK's policies, and
`__main__` alone builds the pack.
"""
