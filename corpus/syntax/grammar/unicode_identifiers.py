é = ﬁ = 𝔘𝔫𝔦 = 1
class 類: pass
