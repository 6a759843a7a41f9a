"""Methods of bytes and bytearray. Prints; the same on CPython."""

def t(f):
    try: print(ascii(f()))
    except BaseException as e: print(type(e).__module__, type(e).__name__, ascii(str(e)))
S=[b'',b'a',b'abc',b'aXbXc',b'  a b  ',b'abcabcabc',b'a\tb\n\tc',b'\xff\x80a',b'x'*100+b'y'*100,b'a\r\nb\rc\x0bd',b'0123',b'Hello World',b"it's",b'"q\'',b'+5',b'\x00\x1f\x7f']
A=[b'',b'a',b'b',b'X',b'bc',b'abcd',b' ',b'\n']
for T in (bytes,bytearray):
  for s in S:
    s=T(s)
    for m in ('lower','upper','title','capitalize','swapcase','isalpha','isalnum','isascii','isdigit','islower','isspace','istitle','isupper','strip','lstrip','rstrip','split','rsplit','splitlines','expandtabs','__repr__','__str__','__len__','hex','decode'):
        t(lambda: getattr(s,m)())
    t(lambda: s.splitlines(True)); t(lambda: s[::-1]); t(lambda: s[1:-1]); t(lambda: s[::2]); t(lambda:s[0]); t(lambda:s[-1]); t(lambda:s*3); t(lambda:s.zfill(8)); t(lambda:s.center(9,b'*')); t(lambda:s.center(8)); t(lambda:s.ljust(7)); t(lambda:s.rjust(7,b'\xff')); t(lambda:list(s)); t(lambda:s.hex('-',2)); t(lambda:s.hex(':',-3)); t(lambda:s.split(None,1)); t(lambda:s.rsplit(None,1)); t(lambda:s.decode('latin1')); t(lambda:s.decode('ascii','replace')); t(lambda:s.decode('utf8','surrogateescape')); t(lambda:s.decode('utf-16','replace')); t(lambda:s.decode('utf-8','backslashreplace')); t(lambda:s.decode('unicode-escape')); t(lambda:s.decode('utf-7','replace')); t(lambda:s.decode('utf-32','ignore')); t(lambda:s.decode('cp1252','replace')); t(lambda:s.decode('ascii')); t(lambda:s.decode('utf-16-be')); t(lambda:s.decode('utf-32'))
    for a in A:
        for m in ('find','rfind','index','rindex','count','startswith','endswith','split','rsplit','partition','rpartition','strip','lstrip','rstrip','removeprefix','removesuffix','__contains__','__add__','__lt__','__eq__','__ge__'):
            t(lambda: getattr(s,m)(a))
        t(lambda: s.replace(a,b'ZZ')); t(lambda: s.replace(a,b'',1)); t(lambda:s.split(a,1)); t(lambda:s.rsplit(a,1)); t(lambda:s.find(a,1)); t(lambda:s.rfind(a,1,-1)); t(lambda:s.count(a,-3)); t(lambda:s.startswith((a,b'zz'),1)); t(lambda:s.join([a,a]))
    t(lambda:s.translate(None,b'a')); t(lambda:s.translate(bytes.maketrans(b'abc',b'xyz'),b'X'))
for T in (bytes,bytearray):
  x=T(b'abc')
  for f in [lambda: x.center(5,b'ab'),
    lambda: x.center(5,'a'),
    lambda: x.find('a'),
    lambda: x.find(300),
    lambda: x.startswith('a'),
    lambda: x.startswith(('a',)),
    lambda: x.join([1]),
    lambda: x.join(['a']),
    lambda: x.join(1),
    lambda: x.replace('a',b'b'),
    lambda: x.split('a'),
    lambda: x.split(b''),
    lambda: x.partition('a'),
    lambda: x.partition(b''),
    lambda: x.strip('a'),
    lambda: x.translate(b''),
    lambda: x.translate(''),
    lambda: x.translate(None,'a'),
    lambda: T.maketrans(b'a',b''),
    lambda: T.maketrans('a',b''),
    lambda: x+'a',
    lambda: x+1,
    lambda: 'a' in x,
    lambda: 300 in x,
    lambda: None in x,
    lambda: x['a'],
    lambda: x[10],
    lambda: x*10**30,
    lambda: T('a'),
    lambda: T('a',1),
    lambda: T(-1),
    lambda: T(10**30),
    lambda: T([300]),
    lambda: T(['a']),
    lambda: T(1.5),
    lambda: T(b'a','x'),
    lambda: T(errors='x'),
    lambda:T(None),
    lambda: T(1,'x'),
    lambda:T('\ud800','utf8'),
    lambda: x.hex(''),
    lambda: x.hex('ab'),
    lambda: x.hex(1),
    lambda: x.hex('é'),
    lambda: x.hex(b'\xff'),
    lambda: T.fromhex(1),
    lambda: T.fromhex('a'),
    lambda:T.fromhex('zz'),
    lambda:T.fromhex('a b'),
    lambda:T.fromhex('ab cd'),
    lambda: x.removeprefix('a'),
    lambda: x.count(None),
    lambda:x.index(b'z'),
    lambda: x.rindex(b'z'),
    lambda:x.decode(1),
    lambda: x<'a',
    lambda: x.expandtabs(2**40),
    lambda: x.zfill('a'),
    lambda: T(object()),
    lambda:x[1:2:0],
    lambda:x.hex(None),
    lambda: x.split(1),
    lambda: x.splitlines(5),
    lambda: x.endswith(1),
    lambda: x % 1,
    lambda: T(source=b'a', encoding='a'),
    lambda: T(b'a',b'b',b'c',b'd'),
    lambda: x.startswith((1,)),
    lambda:T(5),
    lambda:T(x for x in [1,2]),
    lambda:T(memoryview(b'abc')[::2]),
    lambda:type(iter(x)),
    lambda:iter(x).__reduce__(),
    lambda:x==b'abc',
    lambda:b'abc'==x,
    lambda:x!='abc',
    lambda:x==memoryview(b'abc'),
    lambda:hash(x),
    lambda:T.__new__(T),
    lambda:x.find(98),
    lambda:98 in x]: t(f)
y=bytearray(b'abc')
def s(k,v): y[k]=v; return y
def d(k): del y[k]; return y
for f in [lambda: s(0,300),
    lambda: s(0,'a'),
    lambda: s(10,1),
    lambda: s('a',1),
    lambda: s(slice(0,1),'a'),
    lambda: s(slice(0,1),5),
    lambda: s(slice(0,3,2),b'a'),
    lambda: d(10),
    lambda: d('a'),
    lambda: y.append(300),
    lambda: y.append('a'),
    lambda: y.extend('a'),
    lambda: y.extend(1),
    lambda: y.extend([300]),
    lambda: y.extend(['a']),
    lambda: y.insert(0,300),
    lambda: y.pop(10),
    lambda: bytearray().pop(),
    lambda: y.remove(99999),
    lambda: y.remove(1),
    lambda: y.resize(-1),
    lambda: y.__iadd__('a'),
    lambda: y.__reduce__(),
    lambda: y.__reduce_ex__(2),
    lambda: y.__reduce_ex__(3),
    lambda: repr(y),
    lambda: y.__alloc__(),
    lambda: s(slice(0,1),None),
    lambda:y.extend(object()),
    lambda: s(slice(1,2),b'XYZ'),
    lambda: s(slice(0,5,2),b'123'),
    lambda: d(slice(0,5,2)),
    lambda: d(slice(0,1)),
    lambda: y.extend(b'abc'),
    lambda: y.insert(1,5),
    lambda: y.pop(),
    lambda: y.reverse(),
    lambda:y,
    lambda: y.resize(10),
    lambda:y,
    lambda:y.clear(),
    lambda:y,
    lambda:y.copy(),
    lambda:s(slice(None),[1,2,3]),
    lambda:s(slice(None,None,-1),b'abc'),
    lambda:d(slice(None,None,-2)),
    lambda:y.__imul__(3)]: t(f)
class B(bytearray): pass
t(lambda: B(b'x')); t(lambda:B(b'x').__reduce_ex__(3)); t(lambda: type(B(b'x').upper())); t(lambda: type(B(b'x')+b'a')); t(lambda: type(B.fromhex('aa')))
class C(bytes): pass
t(lambda:C(b'x')); t(lambda:type(C(b'x').upper())); t(lambda:C(5)); t(lambda:type(C.fromhex('aa'))); t(lambda:type(bytes(C(b'x')))); t(lambda:C(b'x')==b'x')
class D:
    def __bytes__(self): return b'hey'
t(lambda:bytes(D())); t(lambda:b'%b'%D()); t(lambda:C(D()))
b=bytearray(b'abc'); m=memoryview(b); t(lambda:b.append(1)); t(lambda:b.clear()); m.release(); t(lambda:b.append(1))
m=memoryview(b); del m; t(lambda:b.append(2)); t(lambda:b)
