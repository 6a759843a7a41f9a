0 b'\n\xff\n' 1 b''   File "/tmp/fm/f.py", line 2
    �
    ^
SyntaxError: Non-UTF-8 code starting with '\xff' in file /tmp/fm/f.py on line 2, but no encoding declared; see https://peps.python.org/pep-0263/ for details

1 b'#a\n\xff\n' 1 b''   File "/tmp/fm/f.py", line 2
    �
    ^
SyntaxError: Non-UTF-8 code starting with '\xff' in file /tmp/fm/f.py on line 2, but no encoding declared; see https://peps.python.org/pep-0263/ for details

2 b'\n\n\xff' 1 b''   File "/tmp/fm/f.py", line 3
    �
    ^
SyntaxError: Non-UTF-8 code starting with '\xff' in file /tmp/fm/f.py on line 3, but no encoding declared; see https://peps.python.org/pep-0263/ for details

3 b'x\n\xff\n' 1 b''   File "/tmp/fm/f.py", line 1
    �
    ^
SyntaxError: Non-UTF-8 code starting with '\xff' in file /tmp/fm/f.py on line 1, but no encoding declared; see https://peps.python.org/pep-0263/ for details

4 b'#!/usr/bin/python\n# \xff\nx=1\n' 1 b''   File "/tmp/fm/f.py", line 2
    # �
      ^
SyntaxError: Non-UTF-8 code starting with '\xff' in file /tmp/fm/f.py on line 2, but no encoding declared; see https://peps.python.org/pep-0263/ for details

5 b'\xff\n' 1 b''   File "/tmp/fm/f.py", line 1
    �
    ^
SyntaxError: Non-UTF-8 code starting with '\xff' in file /tmp/fm/f.py on line 1, but no encoding declared; see https://peps.python.org/pep-0263/ for details

6 b'\n#\xff' 1 b''   File "/tmp/fm/f.py", line 2
    #�
     ^
SyntaxError: Non-UTF-8 code starting with '\xff' in file /tmp/fm/f.py on line 2, but no encoding declared; see https://peps.python.org/pep-0263/ for details

7 b'\n# coding: utf-8\n\xff' 1 b''   File "/tmp/fm/f.py", line 3
    �
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte

8 b'\xef\xbb\xbfx\n\xff' 1 b''   File "/tmp/fm/f.py", line 2
    �
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte

9 b'\xef\xbb\xbfx\ny=4\n\xff' 1 b''   File "/tmp/fm/f.py", line 3
    �
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte

10 b'\xef\xbb\xbf\xff' 1 b''   File "/tmp/fm/f.py", line 1
    �
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte

11 b'# coding: utf-8\nx="\xff"\ny=1' 1 b''   File "/tmp/fm/f.py", line 2
    x="�"
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 3: invalid start byte

12 b'# coding: utf-8\n#\xff\ny=1\n' 1 b''   File "/tmp/fm/f.py", line 2
    #�
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte

13 b'# coding: utf-8\nx=1\ny="\xff"\ny=1' 1 b''   File "/tmp/fm/f.py", line 3
    y="�"
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 3: invalid start byte

14 b'# coding: utf-8\nx=1\n#"\xff"\ny=1' 1 b''   File "/tmp/fm/f.py", line 3
    #"�"
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 2: invalid start byte

15 b'# coding: utf-8\nx=1\n"""\n"\xff"\ny=1\n"""\n' 1 b''   File "/tmp/fm/f.py", line 3
    """
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte

16 b'# coding: utf-8\nx=1\n\xff\n' 1 b''   File "/tmp/fm/f.py", line 3
    �
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte

17 b'# coding: utf-8\nx=1\ny\xffz = 3\n' 1 b''   File "/tmp/fm/f.py", line 3
    y�z = 3
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte

18 b'# coding: utf-8\nx=1\ny=f"\xff"\n' 1 b''   File "/tmp/fm/f.py", line 3
    y=f"�"
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 4: invalid start byte

19 b'# coding: utf-8\nx=1\nq=1 \xff\n' 1 b''   File "/tmp/fm/f.py", line 3
    q=1 �
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 4: invalid start byte

20 b'# coding: utf-8\nx=1\n"\xff" +* 3\n' 1 b''   File "/tmp/fm/f.py", line 3
    "�" +* 3
SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte

21 b'# coding: utf8\nx=1\n"\xff"\n' 1 b''   File "/tmp/fm/f.py", line 0
SyntaxError: 'utf-8' codec can't decode byte 0xff in position 6: invalid start byte

