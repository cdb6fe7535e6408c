// Package conformance says, case by case, what Eclipse Ditto 3.9 does with
// messages about Things on the twin channel and about Policies, and holds the
// built program to it.
//
// A case is a state, the messages that a client sends, and what must come of
// each: the response, the events, the Things afterwards. The cases stand in
// cases/*.yaml, one file a topic; what a file may say is described with
// [Topic], [Case] and [Step]. They are the one source of two things:
//
//   - TestConformance runs each over MQTT, with both protocol versions, against
//     a broker with Things of the case's own.
//   - The tables of docs/ditto-compatibility.md are made of them
//     (go run ./test/conformance/report -w), and a test fails when the page is
//     not current.
//
// A case that the program does not fulfil yet is marked pending, with the word
// for what it waits for. It is run all the same: one that passes fails the
// suite until the mark is gone.
package conformance
