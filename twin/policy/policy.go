// Package policy answers the one question "may this subject do that there".
package policy
