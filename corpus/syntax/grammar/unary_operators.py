+a
-a
~a
- -a
