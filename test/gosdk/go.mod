module github.com/twinbroker/twinbroker/test/gosdk

go 1.25.0

require (
	github.com/eclipse/ditto-clients-golang v0.0.0-20230504175246-3e6e17510ac4
	github.com/eclipse/paho.mqtt.golang v1.5.1
	github.com/twinbroker/twinbroker v0.0.0
)

require (
	github.com/eclipse/paho.golang v0.23.0 // indirect
	github.com/google/uuid v1.1.1 // indirect
	github.com/gorilla/websocket v1.5.3 // indirect
	golang.org/x/net v0.54.0 // indirect
	golang.org/x/sync v0.20.0 // indirect
)

replace github.com/twinbroker/twinbroker => ../..
