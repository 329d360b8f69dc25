# Everything that CI asks, in its order.
ci:
    bash .ci/run

# Formats the code, and the policies that ship.
fmt:
    cargo fmt
    cargo run --quiet -- format policies examples

# Rewrites the answers in tests/cases from what the service says. Read the difference before you commit it.
cases:
    UPDATE=1 cargo test --test it cases

# Holds the engine against plain Cedar, in five times as many cases as CI does.
oracle:
    DOORWARD_ORACLE_CASES=100000 cargo test --test oracle

# Licences, banned crates and sources of the dependency tree.
deny:
    cargo deny check bans licenses sources
