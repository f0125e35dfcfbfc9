"""
A small shop in three frameworks, and the command that runs a visit through it.

It is written as a user's application would be: everything here imports public names
of this package only.
"""
