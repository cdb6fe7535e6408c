// Package auth answers one question: who is this client? It is given what a
// client shows when it connects (a user name and password, a certificate, a
// token, or nothing) and gives an [Identity]: the subjects under which the
// client acts, as Policies and access rules name them, and what proved it. It
// knows neither topics nor Things: what a subject may do is for others to say.
//
// What is wrong is never taken for nothing: a client with credentials that do
// not hold is refused, and does not become anonymous.
package auth
