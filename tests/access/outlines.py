"""What is heard on the five main pages, line by line; times, references and numbers are put as TIME, SPAN, REF and NUMBER."""

from __future__ import annotations

HEAD = ("link Skip to the content", "banner")
FOOT = (
    "contentinfo", "button Sign out", "link What you were told", "link Your account", "link Check a waiver", "link Keys",
    "link What to do if this site is down", "button Français",
)  # fmt: skip
_BANNER = """
link Security Response Waiver SRW, formerly ERSR
text Duty line, day and night:
link NUMBER
text Demonstration: people, bodies and keys are made up.
main
"""
_DESK = _BANNER.replace("formerly ERSR", "formerly ERSR · Desk")

OUTLINES = {
    "file-six": _BANNER + """link Back
heading 1 Tell us what is happening
text Six answers are enough. Everything else can follow until the decision.
heading 2 Who are you?
link Not you?
textbox On which number can we call you now?
heading 2 Which registry operator do you file for?
textbox Which TLDs?
textbox What is happening?
group When does the next thing happen that cannot be undone?
radio It has already happened
radio Within the next hour
radio At a time that I know
group At a time that I know
textbox Day
textbox Month
textbox Year
textbox Time, SPAN
combobox Time zone
radio I do not know
button Check your answers
button Save and stop here""",
    "case": _BANNER + """text SRW-REF TLP:AMBER+STRICT ICANN’s move: verifying who filed
heading 1 Nothing is covered yet.
text If you must act before a waiver is signed, act and record it. It stays on record as not covered; a waiver can reach back.
image Clock of this request Due TIME, in SPAN as of TIME; working days drawn: 3.
text Answer due TIME (TIME), in SPAN, as of TIME.
DisclosureTriangle Why this time?
heading 2 While you wait: keep your phone free
link Record an act
link File 1 of names is being read, 0 %
heading 2 Add what you know
link Actions, planned and taken
link Your authority to file
link The incident
link Registrar route and fees
link Period
link Who asked you to act
link Court order
link Who may and may not be told
link What is happening
link Name lists
link Evidence
heading 2 Whose move it was
image Whose move it was ICANN had the move SPAN, the registry less than SPAN; due TIME.
DisclosureTriangle All clocks as a table
heading 2 What happened
link Receipt
heading 2 Receipt digest
heading 2 Filed
heading 2 Other actions
link Withdraw the request""",
    "desk-case": _DESK + """link Desk
text SRW-REF TLP:AMBER+STRICT Your move: call back by TIME, in SPAN
heading 1 Northlight Registry SA asks to create 2 names in .com and .org.
text The answer is due TIME, in SPAN, as of TIME.
image Clock of this request Due TIME, in SPAN as of TIME; working days drawn: 3.
region Your move
heading 2 Your move
link Call back
heading 2 Look at these first
link Answer before the decision
heading 2 Contacts to call
table Contacts on file
columnheader Contact
columnheader Number on file
columnheader Stands since
columnheader May be called
link NUMBER
link NUMBER
link NUMBER
link NUMBER
heading 2 Names in numbers
table Names by class and TLD. On a popularity list: 1; All other names: 1. Each step of a bar is ten times.
columnheader Class
columnheader .com
link See the 1 name that needs an answer
heading 2 Proposed lines
table Lines, grouped by action and provision
columnheader Action
columnheader Provision
columnheader Writing
columnheader Why
link Each line with its reasons
heading 2 What was filed
heading 2 Acts, planned and taken
table Acts
columnheader Act
columnheader Taken
columnheader From, to
columnheader Recorded
heading 2 What was added
heading 3 Your authority to file
heading 3 The incident
heading 3 Registrar route and fees
heading 3 Period
heading 3 Who asked you to act
heading 3 Court order
heading 3 Who may and may not be told
heading 3 What is happening
DisclosureTriangle Earlier versions of “What is happening”
heading 2 Evidence
link sample-and-report-of-the-second-variant.bin
heading 2 Calls
table Calls
columnheader When
columnheader Contact
columnheader Number
columnheader Outcome
columnheader By
heading 2 Whose move it was
image Whose move it was ICANN had the move SPAN, the registry less than SPAN; due TIME.
DisclosureTriangle Moves and moments as a table
heading 3 Five moments
table Five moments, gross and net of the time in which the registry had the move
columnheader Moment
columnheader When
columnheader Gross
columnheader Net
DisclosureTriangle Why WEEKDAY 17:00 in Los Angeles?
heading 2 Who has it
heading 2 Before
heading 2 Open questions
heading 2 History
link All 17 events
heading 2 Other actions
link Ask the requester
link Answer what the lists would hit""",
    "desk-sign": _DESK + """link Back to the case
text SRW-REF TLP:AMBER+STRICT Your move: sign or send back by TIME, in SPAN
heading 1 Once signed, Northlight Registry SA may create 1 name in .com and .org, until TIME.
text You sign this for ICANN.
text The answer is due TIME, in SPAN, as of TIME.
image Clock of this request Due TIME, in SPAN as of TIME; working days drawn: 3.
heading 2 Decided, line by line
table Lines and outcomes
columnheader Line
columnheader Outcome
columnheader Proposed by
columnheader Approved by
heading 2 The instrument, exactly as it will be signed
article Waiver of specific provisions
heading 3 Waiver of specific provisions
link Read all pages as PDF
region Sign
heading 2 Sign
textbox Code from your authenticator
button Sign W-REF
heading 2 Or
DisclosureTriangle Send it back""",
    "waiver": _BANNER + """text W-REF TLP:AMBER+STRICT In force until TIME
heading 1 Northlight Registry SA may create 1 name in .com and .org, until TIME.
text For the 1 listed name and no others. It reaches back: acts from TIME (TIME) on are covered. What no line names is not covered. The signed letter prevails over this page, as of TIME.
link Back to SRW-REF
region Your move
heading 2 Your move: did it reach you?
link Acknowledge receipt
heading 2 Line by line
table Granted lines
columnheader Action
columnheader Provision
columnheader TLDs
columnheader Decision
heading 2 Terms
heading 2 Is a name covered?
search
textbox A whole name, such as example.com
button Look up
heading 2 Conditions
heading 2 Files
link Signed letter (PDF)
link Token for machines (SD-JWT)
link The listed names
link Check a file
heading 2 Digest of the names
heading 2 List key
link Download the list key
heading 2 Service and receipt""",
}
