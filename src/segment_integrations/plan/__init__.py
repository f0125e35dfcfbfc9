"""
Tracking plans: load one, check messages against it, make code from it and it from code.

Never imported unless a plan is used.
"""
