from case import Group

GROUP = Group("folding")
