[b := a for a in c if (d := a)]
