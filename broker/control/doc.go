// Package control is how the program's own verbs talk to a running broker: by
// HTTP over a Unix socket in its data folder. Who may open the socket is the
// file system's business (mode 0600: the broker's user, and root), so there are
// no passwords; and since the folder's lock belongs to the broker, so does the
// socket, whoever left one there before.
//
//	GET  /status         Status
//	POST /store/backup   takes what the backup has (store.Manifest), gives the
//	                     stream of store.Store.Backup
//	POST /store/export   gives a line for each Policy and each Thing: P or T and
//	                     its text, or ! and a JSON object that says what is
//	                     damaged
//	POST /store/import   takes lines of text, and gives JSON lines meanwhile: what
//	                     is bad, how far it is, and what came of it
//
// An error before an answer begins is a status of 400 and above with a line of
// text; one that comes later is in the trailer Error, or in the last line that
// an import answers. The text of an import has such a trailer too: it ended
// before its time, for that reason.
//
// The header Format says what format all this has. A program that speaks another
// one is refused; what a verb needs and a broker does not have is an error too.
package control

// SocketName is the socket's name in the data folder.
const SocketName = "twinbroker.sock"

// statusPath is what brokers of every version answer.
const statusPath = "/status"

// errorTrailer says why an answer ended before its time.
const errorTrailer = "Error"

// The header that says which format requests and answers have.
const (
	formatHeader = "Format"
	format       = "1"
)

func otherFormat(verb, broker string) string {
	return "this verb speaks format " + verb + " to the broker, which speaks format " + broker + "; run the verb of the broker's own version of the program"
}
