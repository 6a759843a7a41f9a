a
True
False
None
...
