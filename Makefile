# Two commands are enough: `make up`, then `make test`.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
UV_VERSION := 0.13.9
BOOTSTRAP := .uv
UV := $(BOOTSTRAP)/bin/uv
STOREFLEET := .venv/bin/storefleet

# The environment of the simulated AWS: it and the product need two versions of one library.
REHEARSAL := .venv-rehearsal
AWS_STACKS := dev staging production dr
STACK ?= production

WITH_KEY := --use-signing-config=false --new-bundle-format=false --tlog-upload=false

.PHONY: help up down destroy preview status doctor test test-aws rehearse rehearse-all rehearse-rules rehearse-outage test-node unit lint types check clean \
	release-check release-resume release-push image image-sign image-verify

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: .venv/.synced ## Start the embedded environment and apply the stack to it; NODE=real: with a node that runs pods
	@$(STOREFLEET) up $(if $(NODE),--node "$(NODE)")

down: .venv/.synced ## Stop the embedded environment; its data stays
	@$(STOREFLEET) down

destroy: .venv/.synced ## Remove the embedded environment for good: make destroy NAME=local
	@$(STOREFLEET) down --destroy "$(NAME)"

preview: .venv/.synced ## Show what `make up` would change
	@$(STOREFLEET) preview

status: .venv/.synced ## Show what runs and what is applied
	@$(STOREFLEET) status

doctor: .venv/.synced ## Say what this machine lacks and how to get it
	@$(STOREFLEET) doctor

test: .venv/.synced ## Run every test: unit, golden, policy, and integration on an environment of its own
	@.venv/bin/pytest

test-aws: $(REHEARSAL)/.synced ## Test the simulated AWS that rehearsals run on
	@$(REHEARSAL)/bin/pytest --confcutdir=tests/rehearsal tests/rehearsal/test_simulated.py tests/rehearsal/test_simulated_further.py

test-node: .venv/.synced ## Test what runs in pods, on a real node of this machine (Linux, root); writes docs/reference/measured.md
	@STOREFLEET_NODE=real .venv/bin/pytest -s tests/node

rehearse: .venv/.synced ## Apply a whole environment to a simulated AWS: make rehearse STACK=production
	@if command -v pulumi-resource-aws >/dev/null; then $(MAKE) --no-print-directory $(REHEARSAL)/.synced; fi
	@.venv/bin/python -m tests.rehearsal.run $(STACK)

rehearse-all: ## Rehearse every environment, break every rule about AWS, and lose a region
	@$(MAKE) --no-print-directory rehearse STACK="$(AWS_STACKS)"
	@$(MAKE) --no-print-directory rehearse-rules rehearse-outage

rehearse-rules: .venv/.synced ## Break each rule about AWS once, on the real engine and provider
	@if command -v pulumi-resource-aws >/dev/null; then $(MAKE) --no-print-directory $(REHEARSAL)/.synced; fi
	@.venv/bin/python -m tests.rehearsal.rules

rehearse-outage: .venv/.synced ## Lose production's region in a simulation, and rebuild it in the second one
	@if command -v pulumi-resource-aws >/dev/null; then $(MAKE) --no-print-directory $(REHEARSAL)/.synced; fi
	@.venv/bin/python -m tests.rehearsal.outage

unit: .venv/.synced ## Run the tests that need no engine; they take seconds
	@.venv/bin/pytest -m "not integration"

lint: .venv/.synced ## Check style
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

types: .venv/.synced ## Check types, strictly
	@.venv/bin/pyright

check: lint types unit ## Lint, types and the fast tests

release-check: .venv/.synced ## Check what a change does to releases: make release-check BASE=origin/main
	@$(STOREFLEET) release check --base "$(or $(BASE),origin/main)"

release-resume: .venv/.synced ## Go on with a release: make release-resume VERSION=18.0.4 ENVIRONMENT=staging
	@$(STOREFLEET) release resume "$(VERSION)" --env "$(ENVIRONMENT)"

release-push: ## Push what the release committed to main; PUSH_TOKEN is the token of the workflow
	@git -c "http.extraheader=AUTHORIZATION: basic $$(printf 'x-access-token:%s' "$$PUSH_TOKEN" | base64 -w0)" \
	  push origin HEAD:main

image: ## Build Odoo's image and push it by digest: make image IMAGE=name BASE=odoo@sha256:... SERIES=19.0
	@case "$(BASE)" in *@sha256:*) ;; *) echo "BASE: name the base by digest: $(BASE)" >&2; exit 2;; esac
	docker buildx build --target odoo --build-arg "ODOO_BASE=$(BASE)" --build-arg "SERIES=$(SERIES)" \
	  --provenance mode=max --metadata-file .image.json \
	  --output "type=image,name=$(IMAGE),push-by-digest=true,name-canonical=true,push=true" gitops/image
	@echo "digest=$$(jq --exit-status --raw-output '."containerimage.digest"' .image.json)" \
	  | tee -a "$(or $(OUTPUT),/dev/null)"

# With a key: as the policy controller reads it, which takes bundles of keyless signatures only, and without a public log.
image-sign: ## Sign an image without a key of its own, or with KEY=awskms:///..., and attest its SBOM: make image-sign IMAGE=name DIGEST=sha256:...
	@case "$(DIGEST)" in sha256:*) ;; *) echo "DIGEST: name the image by digest: $(DIGEST)" >&2; exit 2;; esac
	cosign sign --yes $(if $(KEY),--key "$(KEY)" $(WITH_KEY)) "$(IMAGE)@$(DIGEST)"
	cosign attest --yes $(if $(KEY),--key "$(KEY)" $(WITH_KEY)) --type spdxjson --predicate "$(SBOM)" "$(IMAGE)@$(DIGEST)"

image-verify: ## Verify an image's signature and SBOM by the environment's key: make image-verify IMAGE=name DIGEST=sha256:... KEY=awskms:///...
	@case "$(DIGEST)" in sha256:*) ;; *) echo "DIGEST: name the image by digest: $(DIGEST)" >&2; exit 2;; esac
	@test -n "$(KEY)" || { echo "KEY: say by which key: awskms:///..., or a file with the public half" >&2; exit 2; }
	cosign verify --key "$(KEY)" --new-bundle-format=false --insecure-ignore-tlog=true "$(IMAGE)@$(DIGEST)"
	cosign verify-attestation --key "$(KEY)" --new-bundle-format=false --insecure-ignore-tlog=true --type spdxjson "$(IMAGE)@$(DIGEST)"

clean: ## Remove the virtual environment and caches of this checkout; state and data stay
	rm -rf .venv $(REHEARSAL) $(BOOTSTRAP) .pytest_cache .ruff_cache .hypothesis

# A file, so that an interrupted install is begun again and a finished one costs nothing.
.venv/.synced: pyproject.toml uv.lock | $(UV)
	@echo "+ python packages from uv.lock"
	@$(UV) sync --frozen --compile-bytecode --quiet --python $(PYTHON)
	@touch $@

$(REHEARSAL)/.synced: pyproject.toml uv.lock | $(UV)
	@echo "+ a simulated AWS from uv.lock"
	@UV_PROJECT_ENVIRONMENT=$(REHEARSAL) $(UV) sync --frozen --only-group rehearsal --compile-bytecode --quiet --python $(PYTHON)
	@touch $@

$(UV):
	@echo "+ uv $(UV_VERSION)"
	@rm -rf $(BOOTSTRAP)
	@$(PYTHON) -m venv $(BOOTSTRAP)
	@$(BOOTSTRAP)/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
