"""Divisors of big ints of any sizes, and formats that change nothing."""
import math, random
def eg(a,b):
    while b: a,b=b,a%b
    return abs(a)
random.seed(5)
for i in range(3000):
    ba=random.choice([1,30,63,64,65,100,200,1000,3000]); bb=random.choice([1,30,63,64,65,100,200,1000])
    g=random.getrandbits(random.choice([1,20,70,200]))
    a=random.getrandbits(ba)*g*random.choice([1,-1]); b=random.getrandbits(bb)*g
    assert math.gcd(a,b)==eg(a,b),(a,b)
    l=math.lcm(a,b)
    assert l==(abs(a*b)//eg(a,b) if a and b else 0)
# Fibonacci neighbours take the most steps.
x,y=1,1
for i in range(3000):
    x,y=y,x+y
    if i%97==0: assert math.gcd(x,y)==1 and math.gcd(7*x,7*y)==7
assert math.gcd(2**200,2**199)==2**199 and math.gcd(2**64,2**64-1)==1 and math.gcd(0,2**100)==2**100 and math.gcd(-2**100)==2**100
text="abcde"
for t in ("{:5s}","{:.5s}","{:s}","{}"): assert t.format(text) is text
assert f"{text:5.3s}"=="abc  " and f"{3:>4}"=="   3" and f"{2.5:.2f}"=="2.50" and f"{True:d}"=="1" and f"{'x':>3}"=="  x"
assert text%() is text and text.format() is text and "a{{b".format()=="a{b" and "%%"%()=="%"
for bad in ("{:d}",):
    try: bad.format("x")
    except ValueError as e: assert str(e)=="Unknown format code 'd' for object of type 'str'", e
try: f"{3:s}"
except ValueError as e: assert str(e)=="Unknown format code 's' for object of type 'int'", e
assert sum([1.0, 10**100, 1.0, -10**100])==2.0 and sum([1.0,True])==2.0
try: sum([1.0,10**400])
except OverflowError as e: assert str(e)=="int too large to convert to float"
else: assert 0
r=reversed([1]); list(r); assert r.__reduce__()==(reversed,([],))
