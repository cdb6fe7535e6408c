module github.com/twinbroker/twinbroker

go 1.25.0
