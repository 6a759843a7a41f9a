# coding: nothing
a
