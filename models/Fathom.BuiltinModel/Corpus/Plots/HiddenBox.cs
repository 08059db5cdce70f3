namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>A map or a letter leads from one place to another, to a box and what is in it.</summary>
internal static class HiddenBox
{
    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero, friend = c.Friend;
        string clue = s.Random.Pick(["map", "letter"]);
        string clueSpot = s.Random.Pick(["in an old book", "under the bed", "behind a picture", "in a bottle", "in the pocket of an old coat"]);
        string spot = s.Random.Pick(c.Place.Spots);
        var fruit = s.Random.Pick(World.Fruit);
        Scene.Open(s, c);
        s.Say($"{clueSpot}, {hero.He} found an old {clue}.", $"{hero.Name} found an old {clue} {clueSpot}.");
        s.Ask($"{hero.Name} found the {clue} {clueSpot}.", $"Where did {hero.Name} find the {clue}?", $"Where was the {clue}?");
        s.Ask($"{hero.Name} found an old {clue}.", $"What did {hero.Name} find?", $"What did {hero.Name} find {clueSpot}?");
        s.Say($"It showed the way to {c.Place.The}.", $"It said: \"Go to {c.Place.The} and look {spot}.\"");
        s.Say($"{hero.Name} showed the {clue} to {friend.Name}, {hero.His} friend.", $"{hero.CapitalHe} ran to {hero.His} friend {friend.Name} and showed {friend.Him} the {clue}.");
        s.Say($"\"Let us go!\" said {friend.Name}.", "They were so excited that they left at once.");
        s.Ask($"{hero.Name} showed the {clue} to {friend.Name}.", $"To whom did {hero.Name} show the {clue}?", $"Who went with {hero.Name}?", $"Who is {hero.Name}'s friend?");
        s.Paragraph();
        bool crossed = s.Random.Chance(0.6);
        if (crossed)
        {
            s.Say($"On the way they met {English.A(c.Animal.Name)}.", $"On the way {English.A(c.Animal.Name)} ran in front of them.");
            s.Say($"The {c.Animal.Name} was hungry, so {friend.Name} gave it some {c.Food}.", $"{friend.Name} gave the {c.Animal.Name} some {c.Food}, and it came along.");
            s.Ask($"They met {English.A(c.Animal.Name)}.", "Whom did they meet?", "Which animal did they meet?", "Who did they meet on the way?");
            s.Ask($"{friend.Name} gave the {c.Animal.Name} some {c.Food}.", $"What did {friend.Name} give the {c.Animal.Name}?", $"Who fed the {c.Animal.Name}?");
            s.Topic(English.A(c.Animal.Name));
        }

        s.Say($"When they came to {c.Place.The}, they looked {spot}.", $"They came to {c.Place.The} and began to dig {spot}.");
        s.Say($"There was {English.A(c.OtherColour)} box!", $"They found {English.A(c.OtherColour)} box.");
        Scene.AskColour(s, "box", c.OtherColour);
        s.Ask($"The box was {spot}.", "Where was the box?", "Where did they find the box?");
        s.Ask($"They went to {c.Place.The}.", "Where did they go?", $"Where did the {clue} lead them?");
        string thing = c.Item.Name == "box" ? $"{c.Colour} stone" : c.Thing;
        int number = 2 + s.Random.Next(9);
        s.Say($"In the box were {English.A(thing)} and {World.Numbers[number]} gold coins.", $"They opened it. Inside were {English.A(thing)} and {World.Numbers[number]} gold coins.");
        s.Ask($"In the box were {English.A(thing)} and {World.Numbers[number]} gold coins.", "What was in the box?", "What did they find in the box?", "What was inside the box?");
        s.Ask($"There were {World.Numbers[number]} coins.", "How many coins were there?", "How many gold coins did they find?");
        s.Say($"{hero.Name} took the {English.Plain(thing)[(thing.LastIndexOf(' ') + 1)..]}, and {friend.Name} took the coins.", "They shared everything.", $"With the coins they bought {fruit.Many} for the whole village.");
        s.Maybe(0.6, $"But the best thing was the day they had together.", "They laughed all the way home.");
        Scene.Close(s, c);
        s.Topic($"an old {clue}");
        s.Topic("a treasure");
        s.Topic("a secret box");
        s.SummedUpAs($"{hero.Name} and {friend.Name} follow an old {clue} to {c.Place.The} and find {English.A(c.OtherColour)} box.");
    }
}
