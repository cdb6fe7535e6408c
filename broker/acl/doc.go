// Package acl says who may publish to which topics, and get what is published
// there: the rules for the topics outside of the twin's own trees.
//
// The one idea: a rule is a topic filter with placeholders for the client that
// it is asked about. Rules are compiled once, when the configuration is read;
// for a client they are filled in once, and then each question is a comparison
// of a topic with a few filters. What is filled in is one level of a topic or a
// part of one, never more: a rule whose placeholder has a value with a slash or
// a wildcard in it does not apply to that client at all.
//
// Rules grant. Only those of a file in mosquitto's format (mosquitto.conf(5),
// acl_file) may also deny, and what they deny nobody else grants.
package acl
