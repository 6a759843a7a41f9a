for a in : pass
