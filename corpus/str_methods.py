"""Methods of str on text of every width. Prints; the same on CPython."""

def t(f):
    try: print(ascii(f()))
    except BaseException as e: print(type(e).__module__, type(e).__name__, ascii(str(e)))
S=['','a','abc','aXbXc','  a b  ','É\u03a3\u03a3','ΑΣ','\u1234\U00012345x','a\tb\n\tc','ß\ufb01ǆ','abcabcabc','\u00e9\u00e9a','x'*100+'y'*100,'a\r\nb\rc\x0bd\x1ce\u2028f','0123','²½','\u0130i','HELLO World',"it's",'"q\'','\\n\x00\x7f\xad\u200b\ud800\U0001f600', '+5','-3.1','日本語日本','\u01c5abc','a.b.c']
A=['','a','b','X','bc','\u03a3','\u1234','é','日本','abcd',' ','\n','\U00012345']
for s in S:
    for m in ('lower','upper','title','capitalize','swapcase','casefold','isalpha','isalnum','isascii','isdecimal','isdigit','isidentifier','islower','isnumeric','isprintable','isspace','istitle','isupper','strip','lstrip','rstrip','split','rsplit','splitlines','expandtabs','__repr__','__str__','__len__','encode','__getnewargs__'):
        t(lambda: getattr(s,m)())
    t(lambda: s.splitlines(True)); t(lambda: s[::-1]); t(lambda: s[1:-1]); t(lambda: s[::2]); t(lambda:s[0]); t(lambda:s[-1]); t(lambda:s*3); t(lambda:s.zfill(8)); t(lambda:s.center(9,'*')); t(lambda:s.center(8)); t(lambda:s.ljust(7)); t(lambda:s.rjust(7,'é')); t(lambda:list(s)); t(lambda:s.expandtabs(3)); t(lambda: s.split(None,1)); t(lambda:s.rsplit(None,1)); t(lambda: s.encode('ascii','backslashreplace')); t(lambda: s.encode('latin-1','xmlcharrefreplace')); t(lambda:s.encode('utf-16')); t(lambda:s.encode('utf-32-be','surrogatepass')); t(lambda:s.encode('utf-7')); t(lambda:s.encode('ascii','namereplace')); t(lambda:s.encode('unicode-escape')); t(lambda: s.encode('raw-unicode-escape')); t(lambda:s.encode('cp1252','replace')); t(lambda:s.encode('idna')); t(lambda:s.encode('ascii')); t(lambda:s.encode('latin-1'));t(lambda:s.encode('utf-8','surrogateescape')); t(lambda:s.encode('utf8','ignore'))
    for a in A:
        for m in ('find','rfind','index','rindex','count','startswith','endswith','split','rsplit','partition','rpartition','strip','lstrip','rstrip','removeprefix','removesuffix','__contains__','__add__','__lt__','__eq__','__ge__','join'):
            t(lambda: getattr(s,m)(a))
        t(lambda: s.replace(a,'ZZ')); t(lambda: s.replace(a,'',1)); t(lambda: s.replace(a,'\u1234',2)); t(lambda:s.split(a,1)); t(lambda:s.rsplit(a,1)); t(lambda:s.find(a,1)); t(lambda:s.rfind(a,1,-1)); t(lambda:s.count(a,-3)); t(lambda:s.startswith((a,'zz'),1)); t(lambda: s.find(a,5,2)); t(lambda: s.find(a,10**30)); t(lambda:s.find(a,None,None))
    t(lambda:s.translate({97:None,98:'XY',99:100,0x3a3:'s'})); t(lambda:s.translate(str.maketrans('abc','xyz','X')))
for f in [lambda:'a'.find(1),
    lambda:'a'.find('a','b'),
    lambda:'a'.startswith(1),
    lambda:'a'.startswith((1,)),
    lambda:'a'.split(1),
    lambda:'a'.split(''),
    lambda:'a'.strip(1),
    lambda:'a'.join(1),
    lambda:'a'.join([1]),
    lambda:'a'.join(['a',1]),
    lambda:'a'.replace(1,2),
    lambda:'a'.center('x'),
    lambda:'a'.center(5,'ab'),
    lambda:'a'.center(5,1),
    lambda:'a'+1,
    lambda:1+'a',
    lambda:'a'*'b',
    lambda:1 in 'a',
    lambda:'a'['x'],
    lambda:'a'[5],
    lambda:'a'[10**30],
    lambda:'a'*10**30,
    lambda:'ab'*(2**62),
    lambda:str(b'a','x'),
    lambda:str('a','x'),
    lambda:str(1,'x'),
    lambda:str(b'\xff','ascii'),
    lambda:str(b'a'),
    lambda:str(object=5),
    lambda:str(1,2,3,4),
    lambda:str(b'a',5),
    lambda:str(b'\xff',errors='replace'),
    lambda:'a'.encode('xx'),
    lambda:'a'.encode(1),
    lambda:'a'.encode('ascii',1),
    lambda:'é'.encode('ascii','zz'),
    lambda:'a'.partition(1),
    lambda:'a'.partition(''),
    lambda:'a'.expandtabs('x'),
    lambda:'a'.translate(1),
    lambda:'a'.translate({97:1.5}),
    lambda:'a'.translate({97:0x110000}),
    lambda:str.maketrans(1),
    lambda:str.maketrans('a','bc'),
    lambda:str.maketrans(1,'a'),
    lambda:str.maketrans('a',1),
    lambda:str.maketrans({'ab':1}),
    lambda:str.maketrans({1.5:1}),
    lambda:'a'<1,
    lambda:'a'.find(),
    lambda:'a'.upper(1),
    lambda:'a'.zfill('x'),
    lambda:'a'.splitlines(1,2),
    lambda:'a'.removeprefix(1),
    lambda:str.upper(1),
    lambda:'x'.isidentifier(1),
    lambda:hash('abc'),
    lambda:hash('é\u1234'),
    lambda:hash(b'abc'),
    lambda:'a'[1:2:0],
    lambda:'a'.format_map(),
    lambda:'abc'.__format__('x'),
    lambda:type(iter('a')),
    lambda:type(iter('é')),
    lambda:iter('abc').__reduce__(),
    lambda:iter('abc').__length_hint__(),
    lambda:'a'.rsplit(sep=None,maxsplit=1),
    lambda:'a b'.split(maxsplit=1),
    lambda:'aaa'.replace('a','b',count=1),
    lambda:'a'.encode(encoding='utf8',errors='x'),
    lambda:'a'.rjust(-5),
    lambda:'abc'.__sizeof__(),
    lambda:'a'.join(x for x in 'bc'),
    lambda:''.join(['abc']),
    lambda:'abc'.index('z'),
    lambda:'abc'.endswith('c',0,10),
    lambda:str(),
    lambda:'%s'.__mod__(1),
    lambda:'a'.__rmod__('%s'),
    lambda:'a'.__rmul__(3),
    lambda:'abc'.__getitem__(1),
    lambda:str.__new__(int),
    lambda:'\N{BULLET}']:
    t(f)
class X(str): pass
x=X('abc'); t(lambda:type(x.upper())); t(lambda:type(str(x))); t(lambda:type(x[:])); t(lambda:type(x.strip())); t(lambda:type(x+'')); t(lambda:x=='abc'); t(lambda: repr(x)); t(lambda:type(x*1)); t(lambda:type(''.join([x]))); t(lambda:type('%s'%x)); t(lambda:type(x.replace('z','y'))); t(lambda: type(f'{x}')); t(lambda:x.__class__); x.a=5; t(lambda:x.a)
s=''
for i in range(1000): s+='ab'
print(len(s)); s+='\u1234'; print(len(s))
