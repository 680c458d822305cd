"""The mail-robot: takes letters in, registers what they ask, answers at once, and sees to it that
somebody answers in substance.

A letter is in the ledger before its mailbox is told so, and our answer to it is in the same
transaction: whoever dies at whatever point, it is answered once.
"""
