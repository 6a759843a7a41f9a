# coding: ascii
é
