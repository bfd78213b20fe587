# Everything that is done here by hand or by CI. `make` alone shows what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# What tests and lint use besides Go, Node.js and what tools/run installs, as command:package.
COMMANDS := age:age gcc:gcc jq:jq zstd:zstd shellcheck:shellcheck

# The flags that tools/run builds its programs with: with the same, Kubernetes is compiled once for all. It is not
# linted: cmd/kube, a switch over its programs, would have all of it analysed, for ten minutes.
TOOLS_FLAGS := -trimpath -gcflags=all=-dwarf=false
TOOLS_GO := env CGO_ENABLED=0 GOFLAGS='$(TOOLS_FLAGS)'

# The suites of runtests. Whole-system tests start clusters and mostly wait, so that the longest begin first; more of them at
# once would starve each other on two cores. Tests of one package share its cluster. Unit tests take what processors the
# others leave. What is tested is vetted by lint.
UNIT = -race -vet=off -ldflags=-w -p 3 -timeout 40m $(addprefix ./shared/,rule catalog/dynamo backup) $$(go list ./... | grep -v '^salvor.io/salvor/tests')
WHOLE = -vet=off -ldflags=-w -p 2 -parallel 8 -timeout 40m $(addprefix ./tests,/volumes / /backup /aws /demo /freeze /...)
TOOLS = CGO_ENABLED=0 -C tools -vet=off -p 1 $(TOOLS_FLAGS) ./...

# As make build has it, so that its packages are compiled once for both.
WHOLE_GO = CGO_ENABLED=0 -trimpath

##@ Use

.PHONY: help
help: ## show this
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/salvor
	@[ -e bin/salvor ] || echo "make build: building bin/salvor; the first time on a machine that takes minutes" >&2
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/salvor ./cmd/salvor

# GOARCH is the architecture of the functions: that of template.yaml, arm64, unless they are to run here.
GOARCH_FUNCTIONS ?= arm64

.PHONY: functions
functions: $(addprefix build-,$(addsuffix Function,Backup Settle Restore Search Api Watchdog Expire Sync)) ## build the Lambda functions into .aws-sam/functions

# What `sam build` calls for each function of template.yaml, with ARTIFACTS_DIR: XFunction is made of functions/x.
# lambda.norpc leaves out what only an older runtime needs.
build-%Function:
	@name=$$(tr '[:upper:]' '[:lower:]' <<<'$*') out="$${ARTIFACTS_DIR:-.aws-sam/functions/$*Function}"; mkdir -p "$$out"; \
	CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH_FUNCTIONS) go build -tags lambda.norpc -trimpath \
		-ldflags '-s -w -X salvor.io/salvor/functions/internal/home.version=$(VERSION)' -o "$$out/bootstrap" "./functions/$$name"

# A cluster of yours is named on the command line: a KUBECONFIG that a shell has exported is not meant.
GUEST =
ifeq ($(origin KUBECONFIG),command line)
GUEST = --kubeconfig '$(patsubst ~/%,$(HOME)/%,$(KUBECONFIG))' $(if $(CONTEXT),--context '$(CONTEXT)') $(if $(IMAGE),--image '$(IMAGE)') $(if $(filter 1,$(YES)),--yes)
endif

.PHONY: demo
demo: build ## back up, destroy, restore by date, compare: on a throw-away Kubernetes (60 s), or on yours (KUBECONFIG= CONTEXT= IMAGE= YES=1)
ifeq ($(GUEST),)
	@tools/run setup || echo "make demo: going on without a node: fewer things can be shown" >&2
	@tools/run build
endif
	@go build -o bin/demo ./tests/demo
	@exec bin/demo $(GUEST) $(DEMO)

.PHONY: setup
setup: ## install and build all that tests and lint need (root and apt where something is missing; minutes the first time)
	@tools/run setup
	@missing=(); \
	for c in $(COMMANDS); do command -v "$${c%%:*}" >/dev/null || missing+=("$${c##*:}"); done; \
	[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev); \
	if [ $${#missing[@]} -gt 0 ]; then \
		echo "make setup: installing $${missing[*]}" >&2; \
		install() { DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$${missing[@]}" </dev/null >/dev/null; }; \
		install || { apt-get -qq update >&2 && install; } || { echo "make setup: missing here: $${missing[*]}; install them as root" >&2; exit 1; }; \
	fi
	@tools/run build
	@tools/run databases >/dev/null

##@ Check

.PHONY: test
test: setup bin/runtests ## run every test; one that fails or is skipped fails it
	@exec bin/runtests "$(WHOLE_GO) $(WHOLE)" "nice $(UNIT)" "nice $(TOOLS)"

.PHONY: test-unit
test-unit: setup bin/runtests ## run the tests of single packages, with the race detector
	@exec bin/runtests "$(UNIT)"

.PHONY: race
race: setup bin/runtests ## run every test with the race detector, those of the whole system too
	@exec bin/runtests "-race $(WHOLE)" then "$(UNIT)"

.PHONY: bin/runtests
bin/runtests:
	@go build -o $@ ./tests/runtests

.PHONY: lint
lint: setup verify ## gofmt, go mod tidy, vet, staticcheck, shellcheck, the rules of the house
	@go -C tools/lint build -o "$(CURDIR)/bin/staticcheck" honnef.co/go/tools/cmd/staticcheck
	go vet ./...
	bin/staticcheck ./...
	@echo "go vet, staticcheck in tools"; cd tools; \
	packages=$$(go list ./... | grep -v /cmd/kube$$); $(TOOLS_GO) go vet $$packages; $(TOOLS_GO) "$(CURDIR)/bin/staticcheck" $$packages
	shellcheck -x -P tools $$(git ls-files '*.sh') tools/run .ci/run
	go test -run "^Test(Import|Source)" ./tests
	@! git grep -nIE '(/work/|/root/|/farm/)' -- . ':!Makefile' || { echo "make lint: these paths are of one machine" >&2; exit 1; }

.PHONY: verify
verify: ## fail if fmt or generate would change anything
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { printf 'make fmt would change:\n%s\n' "$$unformatted" >&2; exit 1; }
	@for m in . tools tools/authenticator tools/lint tools/versitygw; do echo "go mod tidy in $$m" && go -C $$m mod tidy -diff; done

.PHONY: bench
bench: setup ## measure against the physical limits and update bench/latest.json (BENCH=name for one; each takes minutes, search 20 the first time)
	@go build -o bin/bench ./bench
	@exec bin/bench -run '$(BENCH)'

##@ Change

.PHONY: fmt
fmt: ## format the sources
	@gofmt -w $$(git ls-files '*.go')

.PHONY: generate
generate: ## write what is made from sources: go.mod and go.sum, the JSON Schema, infra/openapi.yaml, docs/api.md, docs/cli.md
	@for m in . tools tools/authenticator tools/lint tools/versitygw; do go -C $$m mod tidy; done
	@go test ./shared/schema ./cmd/salvor/internal/cli -run '^(TestTheSchemaIsThatOfTheTypes|TestTheDocsShowEveryCommand)$$' -update
	@go test ./shared/httpapi -run '^(TestObjectsAreDescribedAsTheirTypesAre|TestTheAPIIsDocumented)$$' -update # made of the schema

.PHONY: clean
clean: ## remove what was built here; servers and their binaries stay in the cache, see tools/run env
	@rm -rf bin
