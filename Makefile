# What to do with this folder. Building and testing need Go, git and make;
# interop needs Debian's mosquitto and strace, which it installs.

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION)
BIN      := bin/twinbroker

# The linter is pinned here and not in go.mod: it is no part of the program.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0

FUZZTIME ?= 10s
RUN      ?=
BENCH    ?=
ROUNDS   ?= 5
THINGS   ?= 1000000

.PHONY: help build run test sdk bench lint interop soak fuzz clean

help:
	@echo 'make build     build $(BIN)'
	@echo 'make run       build it and run it (RUN="-c FILE" for more arguments)'
	@echo 'make test      all tests, with the race detector where there is a C compiler'
	@echo 'make sdk       the tests with Ditto'\''s SDK for Go, which are a module of their own'
	@echo 'make bench     measure it against a bare mochi (BENCH="-rows modify -rounds 3")'
	@echo 'make lint      gofmt, go vet, staticcheck'
	@echo 'make interop   the quickstart with Debian'\''s mosquitto clients, Ditto'\''s SDK for Go, the long crash test, and power cuts'
	@echo 'make soak      SIGKILL under load, ROUNDS=$(ROUNDS) times, with THINGS=$(THINGS)'
	@echo 'make fuzz      each fuzz target for FUZZTIME=$(FUZZTIME)'
	@echo 'make clean     remove what make made'

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/twinbroker

run: build
	$(BIN) serve $(RUN)

# The race detector needs cgo, hence a C compiler with its headers. Without one
# the tests are worth running all the same. Nothing is taken from the cache: it
# does not see that the program which the tests run has changed.
define test_all
	cc=$$(go env CC); if echo '#include <stdlib.h>' | $$cc -E - >/dev/null 2>&1; then \
		echo 'go test -race ./...'; CGO_ENABLED=1 go test -race -count=1 -timeout 6m ./...; \
	else \
		echo "make $@: there is no working C compiler ($$cc), so the tests run WITHOUT the race detector"; \
		echo 'go test ./...'; CGO_ENABLED=0 go test -count=1 -timeout 6m ./...; \
	fi
endef

test:
	@$(test_all)

# A module of its own: nobody else needs to be able to download the SDK.
sdk:
	@echo 'cd test/gosdk'; cd test/gosdk || exit; $(test_all)

bench: build
	go run ./test/bench -broker $(BIN) $(BENCH)

lint:
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo 'not formatted by gofmt:'; echo "$$bad"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	@if ! why=$$(test/gosdk/fetch.sh); then echo "not run: go vet and staticcheck in test/gosdk: $$why"; else \
		echo 'go vet and staticcheck in test/gosdk'; \
		cd test/gosdk && go vet ./... && go run $(STATICCHECK) ./...; \
	fi

interop: build
	.ci/apt-install mosquitto mosquitto-clients openssl strace
	go test -count 1 -timeout 20m ./test/kill -rounds 50
	go test -count 1 -timeout 10m -v ./test/powercut -points 600 -changes 12000
	go test -count 1 -timeout 10m -v -tags nosync ./test/powercut -points 30 -changes 3000
	go test -count 1 -timeout 10m -v -tags nochecksum ./test/powercut -points 200 -changes 4000
	go test -count 1 -timeout 20m -run TestNoDamageIsSilent ./twin/store -store.flips 2000
	go test -count 1 -timeout 10m -run TestEveryMessageSeesAChangeOfAPolicyThatManyThingsShare ./twin
	test/interop/run.sh

soak:
	go test -count 1 -timeout 2h -v -run TestWhatIsAcknowledgedOutlivesSIGKILL ./test/kill -rounds $(ROUNDS) -things $(THINGS)

# Go fuzzes one target of one package at a time.
fuzz:
	@set -e; for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

clean:
	rm -rf bin
