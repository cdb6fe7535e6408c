// Package documents tries what the documents say.
//
// The one idea: a document that shows a configuration, the messages of a
// device and what becomes of them is a test already. An HTML comment before a
// block, which readers do not see, says what the block is; the blocks of a
// document are then done one after the other with the program as it is built
// and real MQTT clients:
//
//	<!-- file NAME -->       a file that the reader saves
//	<!-- broker NAME -->     the same, and from here on the broker runs with it, on empty data
//	<!-- recording NAME -->  a recording, whose messages a client publishes
//	<!-- sends -->           messages that a client publishes: on each line a topic, two spaces and the payload
//	<!-- refused -->         the same for messages that are refused; after each of them a line with an arrow and what the refusal says
//	<!-- thing ID -->        that Thing, as JSON
//	<!-- no thing ID -->     there is no such Thing; no block follows
//	<!-- run -->             commands of the program, which succeed
//	<!-- fails -->           commands of the program, which fail
//	<!-- prints -->          what these printed
//	<!-- receives -->        all that the broker published since, but what clients sent and the ditto tree: topic, two spaces, payload
//	<!-- receives nothing --> it published nothing; no block follows
//
// In what is compared, … is any text.
package documents
