"""What is old: attempts move into the archive, personal data are erased, reports stay.

A campaign's way after its end: its books are closed (`books`: report and audit are kept as they
stand), its attempts move out (`carrying_out`), and when the term of its purpose is over (`terms`)
nobody can be told from its rows any more. One customer is erased on request (`person`). The loop
does what is due by itself, at night (`keeper`).
"""
