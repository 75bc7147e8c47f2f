extension Tales {
  /// The grammar of `tales-en`.
  static let englishSource = #"""
    agree f he=she him=her his=her
    agree m he=he him=him his=his
    table name word/g
      Anna/f, Tom/m, Ida/f, Max/m, Lea/f, Ugo/m, Mia/f, Ben/m, Nora/f, Leo/m, Eva/f, Sam/m,
      Rosa/f, Otto/m, Lucy/f, Paul/m, Ruth/f, Jack/m, Clara/f, Hugo/m, Ella/f, Carl/m, Jane/f,
      Adam/m, Zoe/f, Finn/m, Vera/f, Emil/m, Alice/f, Noah/m, Grace/f, Luke/m, Ivy/f, Oscar/m,
      Maud/f, Rob/m, Olga/f, Theo/m, Pia/f, Nils/m
    table time word
      One morning, On Sunday, One day, In spring, Last night, After school, In summer,
      One evening, At noon, Yesterday, On Monday, In winter, Last week, After lunch, In May,
      One night, On Friday, In autumn, Long ago, At dawn, Last year, At midnight, In June,
      On Tuesday, Before lunch, Last summer, At first light
    table size word/a
      small/a ~, old/an ~, big/a ~, new/a ~, little/a ~, round/a ~,
      heavy/a ~, shiny/a ~, pretty/a ~, tiny/a ~, strange/a ~,
      dusty/a ~, fine/a ~, clean/a ~, odd/an ~, lovely/a ~, ugly/an ~,
      simple/a ~, broken/a ~, huge/a ~, cheap/a ~, light/a ~, rare/a ~,
      perfect/a ~, plain/a ~
    table colour word
      red, blue, green, golden, white, black, yellow, silver, pink, brown, grey, orange, purple,
      striped, spotted, painted, violet, scarlet, lilac, amber, crimson, bronze
    table kind word/a
      small/a ~, old/an ~, big/a ~, little/a ~, clever/a ~, round/a ~, lazy/a ~, pretty/a ~,
      tiny/a ~, strange/a ~, shy/a ~, brave/a ~, odd/an ~, lovely/a ~, ugly/an ~, wild/a ~,
      gentle/a ~, huge/a ~, fat/a ~, hairy/a ~
    table fur word
      white, black, brown, grey, red, golden, spotted, striped, yellow, silver, orange, blue
    table thing word
      key, ring, lamp, book, ball, coin, bell, hat, doll, drum, cup, map, shell, bag, spoon,
      flute, button, stone, clock, pen, basket, glove, scarf, comb, whistle, mirror, feather,
      candle, puppet, boot, watch, bottle, rope, brush, pearl, flag, bucket, ribbon, fan, pipe,
      plate, top, horn, kite, fork, crown, chain, cap, bowl, pin, jar, lid, net, bead, broom,
      pan, towel
    table near word
      near, by, behind, beside, not far from, at
    table mood word
      old, dark, quiet, little, green, cold, empty, big, foggy, sunny, lonely, busy, wild,
      distant, sleepy, windy, warm, muddy, noisy, snowy, rainy, new
    table goal word
      wood, river, mill, garden, market, lake, school, castle, well, bridge, station, church,
      tower, barn, farm, park, harbour, village, cave, shop, inn, library, field, island, hill,
      road, square, beach
    table spot word
      under the bed, in the drawer, on the shelf, behind the door, under the stairs, in a corner,
      in the kitchen, on the table, in the attic, under the rug, behind the stove,
      in the cellar, under the window, behind the curtain, in the cupboard, on the roof,
      under the sofa, by the window, in the bath, by the fire, under a blanket, in the hall,
      among the toys, on a chair
    table animal word/a/cry/food/many
      cat/a ~/mew/milk/cats, dog/a ~/bark/a bone/dogs, bird/a ~/sing/seeds/birds,
      horse/a ~/neigh/hay/horses, mouse/a ~/squeak/cheese/mice,
      duck/a ~/quack/bread/ducks, hen/a ~/cluck/corn/hens, goat/a ~/bleat/grass/goats,
      pig/a ~/grunt/an apple/pigs, owl/an ~/hoot/meat/owls, frog/a ~/croak/a fly/frogs,
      donkey/a ~/bray/a carrot/donkeys, fox/a ~/yelp/an egg/foxes,
      bear/a ~/growl/honey/bears, goose/a ~/hiss/oats/geese,
      lion/a ~/roar/ham/lions, crow/a ~/caw/nuts/crows, snake/a ~/hiss/eggs/snakes
    table pet word
      Pip, Momo, Rex, Snow, Toto, Star, Coco, Lucky, Patch, Pepper, Biscuit, Ginger, Fluff,
      King, Hop, Moon, Duke, Bella, Muffin, Sir
    table sad word
      sad, cross, angry, upset, unhappy, silent
    table glad word
      glad, happy, proud, merry, content, surprised
    table weather word/state/end
      It rained/wet/dry, It snowed/cold/warm, Night fell/afraid/brave, Hail fell/sore/safe,
      A storm came/weak/strong
    table wear word
      coat, hat, scarf, cloak, umbrella, cap, jacket, shawl
    table fun word
      sang, danced, played cards, ate pears, drank tea, laughed, told stories, baked bread,
      slept, played chess, painted, ate plums, read, went swimming, cooked rice, made music,
      went home, fished, ran, skated
    table chest word
      box, chest, trunk, case, desk, piano, cupboard, suitcase
    table cake word
      a cake, a pie, bread, a tart, a loaf, biscuits, pancakes, a pudding
    table fruit word
      apples, nuts, plums, honey, pears, cherries, figs, raisins, lemons, cream, ginger, butter,
      jam, cheese
    table tree word/many
      an apple/apples, a pear/pears, a plum/plums, a cherry/cherries, a fig/figs,
      a lemon/lemons, a peach/peaches, a nut/nuts, an orange/oranges
    table month word
      June, July, August, September, October
    table day word
      Sunday, Monday, Friday, Tuesday, Thursday, Saturday, Wednesday
    table sum word/some/rest
      five/two/three, three/one/two, four/one/three, six/two/four, seven/three/four,
      five/one/four, nine/four/five, eight/two/six, ten/three/seven, six/one/five,
      eight/three/five, ten/four/six, nine/two/seven, seven/one/six
    table fragile word
      cup, vase, plate, lamp, bowl, jug, mirror, window, teapot, clock, doll, chair, bottle,
      violin, bell, tray
    table glue word
      glue, wire, string, tape, clay, wax, rope, nails
    table toy word
      ball, hat, kite, shoe, cap, boat, plane, doll, flag, arrow
    table stuck word/tool
      into a tree/a ladder, into the river/a net, onto the roof/a long pole,
      down the well/a rope, into the lake/a boat, over the wall/the key to the gate,
      into a dark cave/a lamp
    table dish word
      soup, hot milk, tea, an egg, rice, porridge, broth, jam, toast, warm bread
    table part word
      wings, eyes, shoes, horns, ears, teeth, feet, spots, wheels, boots, hair, feathers
    table did word
      danced, sang, slept, flew, swam, laughed, spoke, waited, cooked, wept, read, painted,
      walked, juggled
    table find word
      found, saw, noticed, got, spotted
    table want word
      wanted, liked, loved, needed, asked for, admired
    table give word
      gave, handed, sent, sold, lent, passed
    table return word
      gave, brought, sent, carried, passed, handed
    table keep word
      hid, kept, placed, left, stored
    table live word
      sleeps, sits, lives, hides, plays, waits, dreams, eats
    table react word
      laughed, wept, smiled, blushed, cheered, sighed, ran home, danced, nodded, clapped, sang
    table mend word
      mended, fixed, saved, repaired
    table make word
      baked, made, cooked, burned
    rule story
      [3 {t=time} {a=name} | 2 {a=name}] [5 <found> | 3 <lost> | 4 <heard> | 2 <walked> |
      4 <opened> | 4 <baked> | 2 <planted> | 4 <broke> | 3 <wrote> | 2 <threw> | 3 <wished> |
      3 <ill> | 5 <raced> | 5 <dreamed> | 4 <packed>]
    rule at
      {p=near} the {l=mood} {g=goal}
    rule item
      {s=size.a} {c=colour} {k=thing}
    rule other
      {d=size.a!s} {e=colour!c} {m=thing!k}
    rule gift
      {d=size.a} {e=colour} {m=thing}
    rule beast
      {s=kind.a} {c=fur} {n=animal}
    rule found
      {f=find} <item> <at>.
      [5 {b=name!a} {w=want} the {k}. <deal> |
      3 {a.He} {i=keep} it {q=spot}, but {b=name!a} saw it. <deal> |
      2 It was {b=name!a}'s, so {a} {i=return} it back. {b} was {h=glad} and they {x=fun}.]
    rule deal
      [3 {a} {v=give} the {k} to {b}. Now {b} has the {c} {k} and is {h=glad}. |
      5 {b} {v=give} {a} <other> for it. Now {b} has the {k} and {a} has the {m}. |
      But {a} said no. Now {a} has the {k} and {b} is {u=sad}.]
    rule lost
      lost {a.his} {s=size} {c=colour} {k=thing}. {a.He} looked {q=spot} and {r=spot!q}.
      But {b=name!a} [2 found it <at> | had it {f=spot!q!r}].
      [Now {a} has {a.his} {k} again and is {h=glad}. |
      2 {b} {v=return} it back, so {a} {i=give} {b.him} <other>.]
    rule heard
      heard <beast> {n.cry} <at>. It was [2 hungry, so {a.he} {v=return} it {n.food}. |
      2 cold, so {a.he} {v=return} it {d=size.a} {e=colour} {i=wear}. |
      hurt, so {b=name!a} {v=return} it {d=size.a} {e=colour} bandage. |
      afraid, so {a} and {b=name!a} {x=fun} with it.]
      [3 Now it is called {z=pet} and {o=live} {q=spot}. | {a} called it {z=pet}.]
    rule walked
      walked to the {l=mood} {g=goal} without {a.his} {s=size} {c=colour} {i=wear}.
      {w=weather}, and {a.he} got {w.state}. {b=name!a} {v=give} {a.him} {d=size.a!s}
      {e=colour!c} {j=wear!i}. Soon {a} was {w.end} and they {x=fun}.
    rule opened
      opened {s=size.a} {c=colour} {f=chest} with {b=name!a}'s key. In it were
      {d=size.a!s} {e=colour!c} {k=thing} and {v=size.a!s!d} {w=colour!c!e} {m=thing!k}.
      {a} {i=keep} the [{k} and {o=give} the {m} to {b} | {m} and {o=give} the {k} to {b}].
    rule baked
      {v=make} {f=cake} with {j=fruit} and {l=fruit!j} for {b=name!a}.
      [2 {b} ate it, was {h=glad} and {o=give} {a} <item>. |
      4 But [3 <beast> {w=want} it. So {a} and {b} ate {o=fruit!j!l}. |
      it got cold, because {a} {x=did}. So {b} ate {o=fruit!j!l}.]]
    rule planted
      planted {s=tree} tree <at>. {b=name!a} watered it. In {o=month} {a} picked {v=sum}
      {s.many} and {w=give} {b} {v.some}. Now {b} has {v.some} and {a} has {v.rest}.
    rule broke
      broke {b=name!a}'s {s=size} {c=colour} {y=fragile}. {b} was {u=sad}.
      [2 {a} {i=mend} it with {l=glue} and {o=keep} it {q=spot}. |
      3 So {a} {i=give} {b.him} <gift>. Now {b} has the {m} and is {h=glad}.]
    rule wrote
      wrote to {b=name!a} about <beast>. The letter blew away, but {e=name!a!b} {f=find} it <at>
      and {v=return} it to {b}, who {o=react}.
    rule threw
      threw {a.his} {s=size} {c=colour} {k=toy} {w=stuck}. {b=name!a} had {w.tool} and got
      it back, so {a} {v=give} {b.him} <gift>.
    rule wished
      wished for <item>. It cost {v=sum} coins, but {a.he} had {v.some}. {b=name!a}
      {w=give} {a.him} {v.rest} for <other>.
    rule ill
      was ill. {b=name!a} {v=return} {a.him} {j=dish}, <item> and a book about {n=animal.many}.
      On {o=day} {a} was well, and they {x=fun} <at>.
    rule raced
      raced {b=name!a} to the {l=mood} {g=goal}. {a} [looked at <beast> | fell over <item>], so
      {b} won <gift>. {b.He}
      [2 {i=keep} it {q=spot} | {v=give} it to {a}. They {x=fun}].
    rule dreamed
      dreamed of <beast> with {d=size} {e=colour} {y=part}. It {x=did} <at>.
      [2 {b=name!a} [drew | {w=want}] it. | {a} told {b=name!a}, and {b.he} {o=react}.]
    rule packed
      carried <item>, {j=fruit} and <other> to the {l=mood} {g=goal}. There {a.he} met {b=name!a},
      who was [hungry, so {a.he} {v=give} {b.him} the {j} |
      {u=sad}, so {a.he} {v=give} {b.him} the [{k} | {m}]]. They {x=fun}.
    """#
}
