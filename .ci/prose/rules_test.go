package prose

import "regexp"

// A rule forbids a pattern in sentences. Each has a sentence that breaks it, so
// that a test can show that it works.
type rule struct {
	name    string
	pattern *regexp.Regexp
	instead string
	broken  string // a sentence that breaks the rule
	allowed string // a pattern that's removed before the rule is applied
}

func words(name, pattern, instead, broken string) rule {
	return rule{name: name, pattern: regexp.MustCompile(`(?i)\b(?:` + pattern + `)\b`), instead: instead, broken: broken}
}

func start(name, pattern, instead, broken string) rule {
	return rule{name: name, pattern: regexp.MustCompile(`^(?:` + pattern + `)\b`), instead: instead, broken: broken}
}

func except(allowed string, r rule) rule {
	r.allowed = allowed
	return r
}

func rules() []rule {
	return []rule{
		words("anew", `anew`, "again", "The bot connects anew."),
		except(`besides the `, words("beside", `besides?`, "next to, in addition, also", "Besides, the row is counted.")),
		words("mend", `mend(?:s|ed|ing)?`, "fix", "A restart mends it."),
		words("whoever", `who(?:so)?ever`, "someone, anyone, the caller", "The goroutine of whoever calls it."),
		words("somebody", `somebody(?:'s)?`, "someone", "Somebody pressed the button."),
		words("nobody", `nobody(?:'s)?`, "no one, or name the subject", "Nobody reads it."),
		words("told", `told`, "announced, reported", "The outcome is told in the channel."),
		words("tells of", `tells? of|tellings?`, "reports, announcement", "The log tells of it."),
		words("hear", `hears?|heard`, "is informed, gets", "The audit channel hears of it."),
		words("stand-in", `stand-ins?`, "fake", "A stand-in answers."),
		except(`(?i)stands? for|stand-in`, words("stand", `stands?|stood`, "is, appears", "The token stands on that page.")),
		words("foremost", `foremost|reckon(?:s|ed)?|in vain|to that end|hereby|thereof|thereby`, "plain words", "gRPC, foremost."),
		words("for ever", `for ever|for good`, "forever, permanently", "It stops for good."),
		words("the very", `the very`, "the same", "It is the very same row."),
		{name: "of ours", pattern: regexp.MustCompile(`(?i)\bof (?:ours|theirs|(?:the bot|the journal|anybody|anyone|somebody|someone)'s)(?:[,.:;]| [a-z]+ed\b|$)`), instead: "plain genitives", broken: "It is no variable of the bot's."},
		words("put back", `put(?:s|ting)? back`, "restore", "The row is put back."),
		words("last word", `last words?`, "final update", "The prompt's last word."),
		words("patience", `out of patience|loses patience`, "timed out", "It is out of patience."),
		words("look", `(?:an?|the|one|another|each|every|no|second|first|last|slow) looks?`, "check, GET", "A look at the task follows."),
		words("histories", `histories`, "runs", "A thousand histories were searched."),
		words("also not", `also not|also no|also over`, "not … either, even across", "It is not lost, also not over a restart."),
		words("need not", `need not`, "doesn't have to", "The bot need not be a member."),
		words("is no", `is no (?:variable|address|member|id|proof) (?:of|that)`, "isn't a", "That is no address of this machine."),
		words("in good order", `in good order|at the pen|anyhow|nowise`, "plain words", "It stops in good order."),
		words("came of it", `(?:came|comes|become|became) of (?:it|them|that|this)|came to`, "the result", "The channel reads what came of it."),
		words("hang on", `hangs? on the|as if it helped`, "depends on", "Signatures hang on the token."),
		words("said again", `said again|say it again`, "repeated", "A claim said again does nothing."),
		start("meanwhile", `Meanwhile`, "name the time", "Meanwhile the bot waits."),
		start("what", `What .*`, "name the subject", "What cannot be looked up counts as no."),
		start("who", `Who(?:m|se)? .*`, "name the subject", "Who may do it is set by the policy."),
		start("possessive", `It is an? \w+'s\.|Called with \w+ held|With \w+ held`, "a sentence with a subject and a verb", "Called with mu held."),
	}
}
