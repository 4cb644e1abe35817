"""The images of the data layer, by digest: the same everywhere, because another system library sorts text differently.

The digest of PostgreSQL is from CloudNativePG's published catalogue `postgresql-standard-trixie` of 17 August 2026.
Those of PgBouncer and Valkey are as public repositories record them; none was pulled when this was written, and
`policy/image-lock.yaml` takes none before somebody has verified its signature.
"""

from typing import Final

POSTGRES: Final = (
    "ghcr.io/cloudnative-pg/postgresql:17.11-202608170816-standard-trixie"
    "@sha256:91e0de662d53895a45f1396f4ee1a75daeb0c26fc87853afc9c8f43e01fdaa21"
)
PGBOUNCER: Final = (
    "ghcr.io/cloudnative-pg/pgbouncer:1.25.1"
    "@sha256:e6ddfe22d845e603825e235dd8334b21ecd125abea2a2172478f556b8dee2bb8"
)
VALKEY: Final = (
    "docker.io/valkey/valkey:8.1-alpine"
    "@sha256:77643d152547b446fc15cbafaff22004545663fcd40c6b28038ad283837baa75"
)
