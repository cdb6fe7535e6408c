// Package control is how the program's own verbs talk to a running broker: by
// HTTP over a Unix socket in its data folder. Who may open the socket is the
// file system's business (mode 0600: the broker's user, and root), so there are
// no passwords; and since the folder's lock belongs to the broker, so does the
// socket, whoever left one there before.
//
//	GET  /status         Status
//	POST /store/backup   takes what the backup has (store.Manifest), gives the
//	                     stream of store.Store.Backup
//
// An error before an answer begins is a status of 400 and above with a line of
// text; one that comes later is in the trailer Error.
package control

// SocketName is the socket's name in the data folder.
const SocketName = "twinbroker.sock"

// errorTrailer says why an answer ended before its time.
const errorTrailer = "Error"
