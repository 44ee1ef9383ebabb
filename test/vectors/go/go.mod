// A verifier written on golang.org/x/mod/sumdb alone; see README.md.
module kubectl-chain.test/vectors/go

go 1.26.0

require golang.org/x/mod v0.32.0
