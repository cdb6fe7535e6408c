// Package topics matches MQTT topic names with topic filters (MQTT 5.0 section
// 4.7): a Filters tree answers "which subscriptions does this name reach", a
// Names tree answers "which names does this filter reach". Both are the same
// idea seen from its two sides, a tree with a node for each topic level, and
// both are safe for concurrent use.
package topics
