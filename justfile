# Shortcuts. What they call is what README and CI call.

# every check and every test
check:
    ./scripts/test

# the tests whose name contains NAME
test NAME:
    ./scripts/test {{NAME}}

# line coverage, at least 80 %
coverage:
    ./scripts/coverage

# each reader of foreign bytes, for so many seconds
fuzz SECONDS="60":
    ./scripts/fuzz all {{SECONDS}}

# schemathesis against a server of its own
check-api:
    ./scripts/check-api

# what the program is made of, as CycloneDX
sbom:
    ./scripts/sbom

# everything on localhost:8000
demo:
    cargo run --release -- demo

# a PostgreSQL to develop against
postgres:
    ./scripts/dev-services postgres
