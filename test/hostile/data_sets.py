from case import Group

GROUP = Group("data_sets")
