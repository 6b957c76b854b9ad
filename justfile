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

# everything on localhost:8000
demo:
    cargo run --release -- demo

# a PostgreSQL to develop against
postgres:
    ./scripts/dev-services postgres
