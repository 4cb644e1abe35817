{
    "name": "Sessions in the cache",
    "summary": "Keeps web sessions in Valkey or Redis, under the tenant's own prefix",
    "version": "1.0.0",
    "author": "Storefleet",
    "license": "LGPL-3",
    "category": "Hidden",
    "depends": ["base"],
    "external_dependencies": {"python": ["redis"]},
    "post_load": "install",
    "installable": True,
}
