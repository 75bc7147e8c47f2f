extension Tales {
  /// The grammar of `tales-it`.
  static let italianSource = #"""
    agree m una=un il=il_~ la=il al=al_~ sua=il_suo a=a_~ lo=lo gli=gli lui=lui o=o
      era=era costava=costava
    agree f una=una il=la_~ la=la al=alla_~ sua=la_sua a=a_~ lo=la gli=le lui=lei o=a
      era=era costava=costava
    agree mp una=dei il=i_~ la=i sua=i_suoi lo=li era=erano costava=costavano
    agree fp una=delle il=le_~ la=le sua=le_sue lo=le era=erano costava=costavano
    table name word/g/a
      Anna/f/ad ~, Luca/m, Ida/f, Marco/m, Lea/f, Ugo/m, Mia/f, Piero/m, Nora/f, Leo/m, Eva/f,
      Dino/m, Rosa/f, Otto/m, Lucia/f, Paolo/m, Rita/f, Gino/m, Clara/f, Carlo/m, Elsa/f,
      Nino/m, Giulia/f, Aldo/m/ad ~, Zoe/f, Franco/m, Vera/f, Emilio/m, Alice/f/ad ~, Tommaso/m,
      Grazia/f, Sandro/m, Bice/f, Oscar/m, Marta/f, Bruno/m, Olga/f, Teo/m, Pia/f, Renzo/m,
      Ada/f/ad ~, Enzo/m, Lisa/f, Ivo/m, Gaia/f, Remo/m, Sara/f, Lino/m, Tea/f, Tito/m, Emma/f,
      Livio/m, Rina/f, Elio/m, Lara/f, Igor/m
    table time word
      Una mattina, Di domenica, Un giorno, In primavera, Ieri notte, Dopo la scuola, In estate,
      Una sera, A mezzogiorno, Ieri, Lunedì, In inverno, Tempo fa, Dopo pranzo, A maggio,
      Una notte, Venerdì, In autunno, All'alba, A mezzanotte, A giugno, Martedì, Prima di cena,
      Un anno fa, Al tramonto, A Natale, Ad aprile, Dopo cena, Una domenica, Prima di notte,
      Giovedì
    table size m/f/mp/fp
      piccolo/piccola/piccoli/piccole, vecchio/vecchia/vecchi/vecchie, nuovo/nuova/nuovi/nuove,
      grande/grande/grandi/grandi, pesante/pesante/pesanti/pesanti, lucido/lucida/lucidi/lucide,
      minuscolo/minuscola/minuscoli/minuscole, polveroso/polverosa/polverosi/polverose,
      prezioso/preziosa/preziosi/preziose, pulito/pulita/puliti/pulite,
      curioso/curiosa/curiosi/curiose, brutto/brutta/brutti/brutte,
      semplice/semplice/semplici/semplici, leggero/leggera/leggeri/leggere, raro/rara/rari/rare,
      perfetto/perfetta/perfetti/perfette, largo/larga/larghi/larghe, magico/magica/magici/magiche,
      fragile/fragile/fragili/fragili, tondo/tonda/tondi/tonde, buffo/buffa/buffi/buffe,
      robusto/robusta/robusti/robuste, delicato/delicata/delicati/delicate,
      misterioso/misteriosa/misteriosi/misteriose, caro/cara/cari/care,
      solido/solida/solidi/solide, morbido/morbida/morbidi/morbide, famoso/famosa/famosi/famose,
      bizzarro/bizzarra/bizzarri/bizzarre, luminoso/luminosa/luminosi/luminose,
      comune/comune/comuni/comuni, comodo/comoda/comodi/comode, modesto/modesta/modesti/modeste
    table colour m/f/mp/fp
      rosso/rossa/rossi/rosse, blu/blu/blu/blu, verde/verde/verdi/verdi,
      dorato/dorata/dorati/dorate, bianco/bianca/bianchi/bianche, nero/nera/neri/nere,
      giallo/gialla/gialli/gialle, argentato/argentata/argentati/argentate, rosa/rosa/rosa/rosa,
      bruno/bruna/bruni/brune, grigio/grigia/grigi/grigie, arancione/arancione/arancioni/arancioni,
      viola/viola/viola/viola, rigato/rigata/rigati/rigate,
      macchiato/macchiata/macchiati/macchiate, celeste/celeste/celesti/celesti,
      scarlatto/scarlatta/scarlatti/scarlatte, lilla/lilla/lilla/lilla,
      azzurro/azzurra/azzurri/azzurre, bronzeo/bronzea/bronzei/bronzee,
      turchese/turchese/turchesi/turchesi, dipinto/dipinta/dipinti/dipinte,
      beige/beige/beigi/beigi, chiaro/chiara/chiari/chiare, scuro/scura/scuri/scure
    table kind m/f/mp/fp
      piccolo/piccola, vecchio/vecchia, grande, curioso/curiosa, pigro/pigra, buffo/buffa,
      minuscolo/minuscola, timido/timida, brutto/brutta, robusto/robusta, magico/magica, gentile,
      bizzarro/bizzarra, morbido/morbida, feroce, grasso/grassa, peloso/pelosa, furbo/furba,
      delicato/delicata, fragile, misterioso/misteriosa, coraggioso/coraggiosa
    table fur m/f/mp/fp
      bianco/bianca/bianchi/bianche, nero/nera/neri/nere, bruno/bruna/bruni/brune,
      grigio/grigia/grigi/grigie, rosso/rossa/rossi/rosse, dorato/dorata/dorati/dorate,
      macchiato/macchiata/macchiati/macchiate, rigato/rigata/rigati/rigate,
      giallo/gialla/gialli/gialle, argentato/argentata/argentati/argentate,
      azzurro/azzurra/azzurri/azzurre, verde/verde/verdi/verdi
    table thing word/g/il
      chiave/f, anello/m/l'~, lampada/f, libro/m, palla/f, moneta/f, campana/f, cappello/m,
      bambola/f, tamburo/m, tazza/f, mappa/f, conchiglia/f, borsa/f, cucchiaio/m, flauto/m,
      bottone/m, sasso/m, orologio/m/l'~, penna/f, cesto/m, guanti/mp, sciarpa/f, pettine/m,
      fischietto/m, specchio/m/lo ~, piuma/f, candela/f, burattino/m, stivali/mp/gli ~,
      bottiglia/f, corda/f, spazzola/f, perla/f, bandiera/f, secchio/m, nastro/m, ventaglio/m,
      pipa/f, piatto/m, trottola/f, corno/m, aquilone/m/l'~, forchetta/f, corona/f, catena/f,
      berretto/m, scodella/f, spilla/f, vaso/m, scopa/f, pentola/f, forbici/fp, dadi/mp, carte/fp,
      occhiali/mp/gli ~, scarpe/fp, scatola/f, coperta/f, chiodo/m,
      gomitolo/m, biglia/f, tappo/m, rete/f, ago/m/l'~, foglia/f, fiore/m, ramo/m, lente/f,
      cintura/f, violino/m, uovo/m/l'~, stella/f
    table near word
      vicino, accanto, dietro, davanti, in fondo, di fronte
    table mood m/f/mp/fp
      vecchio/vecchia/vecchi/vecchie, buio/buia/bui/buie,
      silenzioso/silenziosa/silenziosi/silenziose, piccolo/piccola/piccoli/piccole,
      verde/verde/verdi/verdi, freddo/fredda/freddi/fredde, vuoto/vuota/vuoti/vuote,
      grande/grande/grandi/grandi, nebbioso/nebbiosa/nebbiosi/nebbiose,
      assolato/assolata/assolati/assolate, solitario/solitaria/solitari/solitarie,
      affollato/affollata/affollati/affollate, selvatico/selvatica/selvatichi/selvatiche,
      lontano/lontana/lontani/lontane, tranquillo/tranquilla/tranquilli/tranquille,
      ventoso/ventosa/ventosi/ventose, caldo/calda/caldi/calde, fangoso/fangosa/fangosi/fangose,
      rumoroso/rumorosa/rumorosi/rumorose, antico/antica/antichi/antiche,
      vicino/vicina/vicini/vicine, basso/bassa/bassi/basse, alto/alta/alti/alte,
      nuovo/nuova/nuovi/nuove, triste/triste/tristi/tristi, allegro/allegra/allegri/allegre,
      famoso/famosa/famosi/famose, nevoso/nevosa/nevosi/nevose
    table goal word/g/al
      bosco/m, fiume/m, mulino/m, giardino/m, mercato/m, lago/m, scuola/f, castello/m, pozzo/m,
      ponte/m, stazione/f, chiesa/f, torre/f, fienile/m, fattoria/f, parco/m, porto/m, paese/m,
      grotta/f, bottega/f, locanda/f, biblioteca/f, campo/m, isola/f/all'~, collina/f, strada/f,
      piazza/f, spiaggia/f, orto/m/all'~, stagno/m/allo ~,
      museo/m, teatro/m, faro/m, cortile/m, vigna/f, fontana/f, cascata/f, valle/f, caserma/f, bar/m
    table spot word
      sotto il letto, nel cassetto, sullo scaffale, dietro la porta, sotto le scale,
      in un angolo, in cucina, sul tavolo, in soffitta, sotto il tappeto, dietro la stufa,
      in cantina, sotto la finestra, dietro la tenda, nell'armadio, sul tetto, sotto il divano,
      in salotto, nella vasca, vicino al fuoco, sotto il cuscino, fra i giochi, su una sedia,
      in un vaso, dietro un quadro, fra i libri, in giardino, sul balcone, in bagno, fra i fiori
    table animal word/g/il/cry/food/many
      gatto/m//miagolare/del latte/gatti, cane/m//abbaiare/un osso/cani,
      merlo/m//cantare/dei semi/merli, cavallo/m//nitrire/del fieno/cavalli,
      topo/m//squittire/del formaggio/topi, anatra/f/l'~/starnazzare/del pane/anatre,
      gallina/f//chiocciare/del mais/galline, capra/f//belare/dell'erba/capre,
      maiale/m//grugnire/una mela/maiali, civetta/f//stridere/della carne/civette,
      rana/f//gracidare/una mosca/rane, asino/m/l'~/ragliare/una carota/asini,
      volpe/f//guaire/un uovo/volpi, orso/m/l'~/brontolare/del miele/orsi,
      oca/f/l'~/schiamazzare/dell'avena/oche, leone/m//ruggire/del prosciutto/leoni,
      mucca/f//muggire/della paglia/mucche, pecora/f//piangere/del trifoglio/pecore
    table pet word
      Pip, Momo, Rex, Neve, Toto, Stella, Coco, Fortuna, Macchia, Pepe, Biscotto, Zenzero,
      Fiocco, Re, Luna, Duca, Bella, Briciola, Nuvola, Fulmine
    table sad word/m/f
      triste, offeso//offesa, furioso//furiosa, scontento//scontenta, deluso//delusa, muto//muta
    table glad word/m/f
      felice, contento//contenta, fiero//fiera, allegro//allegra, sereno//serena,
      sorpreso//sorpresa, commosso//commossa
    table weather word/m/f/fine
      Piovve/bagnato/bagnata/asciutt, Nevicò/infreddolito/infreddolita/riscaldat,
      Venne notte/spaventato/spaventata/tranquill, Grandinò/ammaccato/ammaccata/san,
      Tirò vento/stanco/stanca/riposat
    table wear word/g/il
      cappotto/m, cappello/m, sciarpa/f, mantello/m, ombrello/m/l'~, berretto/m, giacca/f,
      scialle/m/lo ~, guanti/mp, stivali/mp/gli ~, calze/fp
    table fun word
      cantarono, ballarono, giocarono a carte, mangiarono pere, bevvero il tè, risero,
      raccontarono storie, fecero il pane, dormirono, giocarono a scacchi, dipinsero,
      mangiarono prugne, lessero, nuotarono, cucinarono il riso, suonarono, pescarono, corsero,
      pattinarono
    table chest word/g/il
      scatola/f, baule/m, cassa/f, valigia/f, scrivania/f, pianoforte/m, armadio/m/l'~,
      scrigno/m/lo ~
    table cake word
      una torta, una crostata, del pane, una focaccia, dei biscotti, un budino, delle frittelle
    table fruit word
      mele, noci, prugne, miele, pere, ciliegie, fichi, uvetta, limoni, panna, zenzero, burro,
      marmellata, formaggio
    table tree word/many
      un melo/mele, un pero/pere, un prugno/prugne, un ciliegio/ciliegie, un limone/limoni,
      un pesco/pesche, un noce/noci, un arancio/arance, un castagno/castagne
    table month word
      A giugno, A luglio, Ad agosto, A settembre, A ottobre
    table day word
      Domenica, Lunedì, Venerdì, Martedì, Giovedì, Sabato, Mercoledì
    table sum word/some/rest
      cinque/due/tre, sei/due/quattro, sette/tre/quattro, nove/quattro/cinque, otto/due/sei,
      dieci/tre/sette, otto/tre/cinque, dieci/quattro/sei, nove/due/sette, sette/due/cinque,
      dieci/due/otto, nove/tre/sei
    table fragile word/g/il
      tazza/f, vaso/m, piatto/m, lampada/f, scodella/f, brocca/f, specchio/m/lo ~,
      teiera/f, orologio/m/l'~, bambola/f, sedia/f, bottiglia/f, violino/m, campana/f, vassoio/m,
      occhiali/mp/gli ~
    table glue word
      colla, filo, spago, cera, creta, chiodi
    table toy word/g/il
      palla/f, cappello/m, aquilone/m/l'~, scarpa/f, berretto/m, barca/f, bambola/f, bandiera/f,
      freccia/f, dadi/mp
    table stuck word/tool
      su un albero/una scala, nel fiume/una rete, sul tetto/una lunga canna, nel pozzo/una corda,
      nel lago/una barca, oltre il muro/la chiave del cancello, in una grotta/una lanterna
    table dish word
      zuppa, latte caldo, tè, un uovo, riso, polenta, brodo, marmellata, pane caldo, minestra
    table part word/g
      ali/fp, occhi/mp, scarpe/fp, corna/fp, orecchie/fp, denti/mp, zampe/fp, ruote/fp,
      stivali/mp, penne/fp, baffi/mp
    table did word
      ballava, cantava, dormiva, volava, nuotava, rideva, parlava, aspettava, cucinava, piangeva,
      leggeva, dipingeva, camminava
    table find word
      trovò, vide, notò, prese, scoprì, raccolse
    table want word
      voleva, ammirava, amava, chiese, guardava, desiderava
    table give word
      diede, porse, mandò, vendette, prestò, passò
    table return word
      ridiede, portò, mandò, porse, rese
    table keep word
      nascose, mise, lasciò, posò, tenne
    table live word
      dorme, siede, vive, gioca, aspetta, sogna, mangia
    table react word
      rise, pianse, sorrise, arrossì, sospirò, corse a casa, ballò, annuì, applaudì, cantò
    table mend word
      aggiustò, riparò, salvò
    table make word
      preparò, fece, cucinò, bruciò
    rule story
      [3 {t=time} {a=name} | 2 {a=name}] [4 <found> | 2 <lost> | 3 <heard> | 2 <walked> |
      4 <opened> | 2 <baked> | 1 <planted> | 2 <broke> | 2 <wrote> | 2 <threw> | 2 <wished> |
      3 <ill> | 7 <raced> | 9 <dreamed> | 7 <packed>]
    rule at
      {p=near} {g=goal.al} {l=mood@g}
    rule item
      {k=thing.una} {s=size@k} {k} {c=colour@k}
    rule other
      {m=thing.una!k} {d=size@m!s} {m} {e=colour@m!c}
    rule gift
      {m=thing.una} {d=size@m} {m} {e=colour@m}
    rule beast
      {n=animal.una} {s=kind@n} {n} {c=fur@n}
    rule found
      {f=find} <item> <at>.
      [5 {b=name!a} {w=want} {k.il}. <deal> | 3 {k.Lo} {i=keep} {q=spot}, ma {b=name!a} {k.lo}
      vide. <deal> | 2 {k.Era} di {b=name!a}, e {a} {b.gli} {i=return} {k.il}. {b} era
      {h=glad@b} e {x=fun}.]
    rule deal
      [3 {a} {v=give} {k.il} {b.a}. Ora {b} ha {k.il} {c@k} ed è {h=glad@b}. |
      5 {b} {a.gli} {v=give} <other> in cambio. Ora {b} ha {k.il} e {a} ha {m.il}. |
      Ma {a} disse di no. Ora {a} ha {k.il} e {b} è {u=sad@b}.]
    rule lost
      perse {k=thing.sua} {s=size@k} {k} {c=colour@k}. {k.Lo} cercò {q=spot} e {r=spot!q}.
      Ma {b=name!a} {k.lo} [2 trovò <at> | aveva {f=spot!q!r}].
      [Ora {a} ha {k.il} ed è {h=glad@a}. |
      2 {b} {k.lo} {v=return} {a.a}, che {b.gli} {i=give} <other>.]
    rule heard
      sentì {n=animal.cry} {n.una} {s=kind@n} {n} {c=fur@n} <at>.
      [3 Aveva [2 fame, così {a} {n.gli} {v=return} {n.food}. |
      2 freddo, così {a} {n.gli} {v=return} {i=wear.una} {d=size@i} {i} {e=colour@i}. |
      paura, così {a} e {b=name!a} {x=fun} con {n.lui}.] |
      Era bagnat{n.o}, e {b=name!a} {n.gli} {v=return} {i=wear.una} {d=size@i} {i} {e=colour@i}.]
      [3 Ora si chiama {z=pet} e {o=live} {q=spot}. | {a} {n.lo} chiamò {z=pet}.]
    rule walked
      andò {g=goal.al} {l=mood@g} senza {i=wear.sua} {s=size@i} {i} {c=colour@i}. {w=weather}.
      {a} era {w@a}, così {b=name!a} {a.gli} {v=give} {j=wear.una!i} {d=size@j!s} {j}
      {e=colour@j!c}. Ora è {w.fine}{a.o}.
    rule opened
      aprì {f=chest.una} {s=size@f} {f} {c=colour@f} con la chiave di {b=name!a}. Dentro c'erano
      {k=thing.una} {d=size@k!s} {k} {e=colour@k!c} e {m=thing.una!k} {v=size@m!s!d} {m}
      {w=colour@m!c!e}. {i=keep.Word} [{k.il} e {o=give} {m.il} {b.a} | {m.il} e {o=give} {k.il}
      {b.a}].
    rule baked
      {v=make} {f=cake} con {j=fruit} e {l=fruit!j} per {b=name!a}.
      [2 {b} mangiò tutto, fu {h=glad@b} e {o=give} {a.a} <item>. |
      4 Ma [3 <beast> mangiò tutto. Così {a} e {b} mangiarono {o=fruit!j!l}. |
      si raffreddò, perché {a} {x=did}. Così {b} mangiò {o=fruit!j!l}.]]
    rule planted
      piantò {s=tree} <at>. {b=name!a} lo annaffiò. {o=month} {a} colse {v=sum} {s.many} e ne
      {w=give} {v.some} {b.a}. Ora {b} ne ha {v.some} e {a} ne ha {v.rest}.
    rule broke
      ruppe {y=fragile.la} {s=size@y} {y} {c=colour@y} di {b=name!a}. {b} era {u=sad@b}.
      [2 {a} {y.lo} {i=mend} con {l=glue} e {y.lo} {o=keep} {q=spot}. |
      3 Così {a} {b.gli} {i=give} <gift>. Ora {b} ha {m.il} ed è {h=glad@b}.]
    rule wrote
      scrisse {b=name.a!a} di <beast>. Il vento prese il foglio, ma {e=name!a!b} lo {f=find} <at>
      e lo {v=return} {b.a}, che {o=react}.
    rule threw
      lanciò {k=toy.sua} {s=size@k} {k} {c=colour@k} {w=stuck}. {b=name!a} aveva {w.tool} e {k.lo}
      prese, così {a} {b.gli} {v=give} <gift>.
    rule wished
      desiderò <item>. {k.Costava} {v=sum} monete, ma {a} ne aveva {v.some}. {b=name!a} gliene
      {w=give} {v.rest} per <other>.
    rule ill
      era malat{a.o}. {b=name!a} {a.gli} {v=return} {j=dish}, <item> e un libro di
      {n=animal.many}. {o=day} {a} era guarit{a.o}, e {x=fun} <at>.
    rule raced
      corse con {b=name!a} fino {g=goal.al} {l=mood@g}. {a} [guardò <beast> |
      inciampò in <item>], e {b} vinse <gift>. {m.Lo}
      [2 {i=keep} {q=spot} | {v=give} {a.a}, e {x=fun}].
    rule dreamed
      sognò <beast> con {y=part} {d=size@y} e {e=colour@y}. {x=did.Word} <at>.
      [2 {b=name!a} {n.lo} [disegnò | {w=want}]. | {a} lo disse {b=name.a!a}, che {o=react}.]
    rule packed
      portò <item>, {j=fruit} e <other> {g=goal.al} {l=mood@g}. Lì incontrò {b=name!a}, che [
      aveva fame, e {b.gli} {v=give} {j} | era {u=sad@b}, e {b.gli} {v=give} [{k.il} | {m.il}]].
      {x=fun.Word}.
    """#
}
