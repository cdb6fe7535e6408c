// Package access says, case by case, who may do and see what, and holds the
// built program to it over real connections.
//
// A case is Policies and Things, what some of a fixed cast of clients do, and
// what each of them is answered and told. Who is not named must be told nothing:
// after each step a marker is sent to every client of the case, and what came
// before it is all that came. The cases stand in cases/*.yaml, a file for each
// door that something could leak through; what a file may say is described with
// [File], [Case] and [Step].
//
// What does not fit such a table is in tests beside it: clients that lie about
// who they are, Policies that are made to break things, topics that pretend to
// be others.
package access
