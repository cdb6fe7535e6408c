// Package placeholder has Ditto's functions for placeholders, as in
// {{ thing:name | fn:upper() | fn:default('none') }} (Ditto's page
// basic-placeholders, function expressions; its classes PipelineFunction…).
//
// What a placeholder's name stands for is the caller's business: [Parse] asks
// for it by the name, and [Pipeline.Run] is given the values.
package placeholder
