"""What customers write to us: whether a program may answer, what it is about, who must answer, and
by when. Pure decisions over letters that were taken apart already.
"""
